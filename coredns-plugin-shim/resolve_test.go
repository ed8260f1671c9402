package pharos

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

type fakeLookup struct {
	mu    sync.Mutex
	hosts map[string][]string
	srv   []*net.SRV
	err   error
}

func (f *fakeLookup) LookupHost(_ context.Context, host string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hosts[host], f.err
}

func (f *fakeLookup) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return "", f.srv, f.err
}

func TestNamesAreFollowed(t *testing.T) {
	f := &fakeLookup{
		hosts: map[string][]string{"pharos-dns": {"10.0.0.2", "10.0.0.1"}, "one.": {"10.0.0.3"}},
		srv:   []*net.SRV{{Target: "one.", Port: 5399}},
	}
	r := newResolver([]string{"10.0.0.1:53", "pharos-dns:53", "dns+srv://_dns._tcp.pharos"}, "")
	r.lookup, r.every = f, time.Millisecond
	var mu sync.Mutex
	var now []string
	is := func(want ...string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(now, want)
		}
	}
	r.start(func(addresses []string) {
		mu.Lock()
		defer mu.Unlock()
		now = addresses
	})
	defer r.close()
	eventually(t, "each address once", is("10.0.0.1:53", "10.0.0.2:53", "10.0.0.3:5399"))
	f.mu.Lock()
	f.hosts = map[string][]string{"pharos-dns": {"10.0.0.4"}, "one.": {"10.0.0.3"}}
	f.mu.Unlock()
	eventually(t, "the new addresses", is("10.0.0.1:53", "10.0.0.3:5399", "10.0.0.4:53"))
	f.mu.Lock()
	f.err = errors.New("the name service is away")
	f.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	if !is("10.0.0.1:53", "10.0.0.3:5399", "10.0.0.4:53")() {
		t.Errorf("a name service that is away took servers away: %v", now)
	}
}

func TestServersComeAndGo(t *testing.T) {
	first, second := startFake(t, ""), startFake(t, "")
	p := startPlugin(t, nil, first)
	p.pool.set([]string{second.address})
	eventually(t, "the second one is asked", func() bool { address(t, p, name); return second.questions() > 0 })
	if n := len(*p.pool.servers.Load()); n != 1 {
		t.Errorf("there are %d servers", n)
	}
}
