package pharos

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

func kept(p *promise, rcode int, size int) *answer {
	return &answer{msg: make([]byte, size), keep: true, generation: 1, period: 1, rcode: rcode, promise: p}
}

func TestRandomNamesDriveOutNothingElse(t *testing.T) {
	c := newCache(100, 50, 1<<20)
	p := new(promise)
	for n := range 90 {
		c.put(question{fmt.Sprintf("s%d.", n), dns.TypeA}, 0, kept(p, dns.RcodeSuccess, 100))
	}
	for n := range 10_000 {
		c.put(question{fmt.Sprintf("random%d.", n), dns.TypeA}, 0, kept(p, dns.RcodeNameError, 100))
	}
	if n := c.denial.entries.Load(); n > 50+shards {
		t.Errorf("%d names that do not exist are kept, wanted 50", n)
	}
	for n := range 90 {
		if c.get(question{fmt.Sprintf("s%d.", n), dns.TypeA}) == nil {
			t.Fatalf("s%d was driven out", n)
		}
	}
}

func TestTheCacheHasBounds(t *testing.T) {
	p := new(promise)
	for _, tc := range []struct {
		title         string
		answers, size int
	}{
		{"many", 50_000, 50},
		{"large", 300, 60_000},
		{"larger than a question may have", 10, 300_000},
	} {
		t.Run(tc.title, func(t *testing.T) {
			c := newCache(1000, 100, 1<<20)
			for n := range tc.answers {
				c.put(question{fmt.Sprintf("s%d.", n), dns.TypeA}, 0, kept(p, dns.RcodeSuccess, tc.size))
			}
			if n, b := c.positive.entries.Load(), c.positive.bytes.Load(); n > 1000+shards || b > 1<<20+maxEntryBytes {
				t.Errorf("%d entries of %d bytes", n, b)
			}
			var entries, bytes int64
			for index := range c.positive.shards {
				for _, e := range c.positive.shards[index].entries {
					entries++
					bytes += e.bytes.Load()
				}
			}
			if entries != c.positive.entries.Load() || bytes != c.positive.bytes.Load() {
				t.Errorf("%d entries of %d bytes, accounted as %d of %d", entries, bytes, c.positive.entries.Load(), c.positive.bytes.Load())
			}
		})
	}
}

func TestANameThatComesIntoBeingIsKeptOnce(t *testing.T) {
	c := newCache(100, 100, 1<<20)
	p := new(promise)
	q := question{"a.", dns.TypeA}
	c.put(q, 0, kept(p, dns.RcodeNameError, 100))
	c.put(q, 0, kept(p, dns.RcodeSuccess, 100))
	if c.get(q).at(0).rcode != dns.RcodeSuccess || c.denial.entries.Load() != 0 {
		t.Error("the name is still kept as one that does not exist")
	}
}

func TestWhatHasAnotherPeriodIsKeptAnew(t *testing.T) {
	c := newCache(100, 100, 1<<20)
	p := new(promise)
	q := question{"a.", dns.TypeA}
	for _, period := range []uint32{1, 3, 2} {
		a := kept(p, dns.RcodeSuccess, 100)
		a.period = period
		c.put(q, 5, a)
		if e := c.get(q); uint32(len(e.turns)) != period || e.at(5) != a {
			t.Errorf("period %d is kept as %d turns", period, len(e.turns))
		}
	}
}
