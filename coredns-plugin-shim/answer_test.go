package pharos

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// sampleQuery is a query as servers get it.
func sampleQuery(t testing.TB) []byte {
	q, err := appendQuery(nil, 7, question{"a.shop.svc.clusterset.local.", dns.TypeA}, 3, netip.MustParseAddr("::ffff:10.1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// sample is what a server says to it: three records, one more beside them, and an error that says why.
func sample(t testing.TB) []byte {
	s := &fakeServer{epoch: 1, generation: 9, keep: true, period: 1, address4: "10.0.0.1", records: 3, ede: true}
	if t, ok := t.(*testing.T); ok {
		s.t = t
	}
	m := new(dns.Msg)
	if err := m.Unpack(s.respond(sampleQuery(t))); err != nil {
		t.Fatal(err)
	}
	extra, _ := dns.NewRR("b.shop.svc.clusterset.local. 5 IN A 10.0.0.2")
	m.Extra = append([]dns.RR{extra}, m.Extra...)
	out, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestQuery(t *testing.T) {
	m := new(dns.Msg)
	if err := m.Unpack(sampleQuery(t)); err != nil {
		t.Fatal(err)
	}
	if got := m.IsEdns0().Option[0].(*dns.EDNS0_LOCAL).String(); got != "65313:0x0100000003010a010203" {
		t.Errorf("the option is %s", got)
	}
}

func TestRender(t *testing.T) {
	a, err := parseAnswer(sample(t), sampleQuery(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := len(a.msg) + optSize + len(a.ede)
	for name, tc := range map[string]struct {
		limit               int
		edns                bool
		answers, additional int
		tc, ede             bool
	}{
		"whole":                          {whole, true, 3, 1, false, true},
		"without the text":               {whole - 1, true, 3, 1, false, false},
		"without the additional records": {len(a.msg) + optSize - 1, true, 3, 0, false, false},
		"cut":                            {a.coreEnd + optSize - 1, true, 0, 0, true, false},
		"no EDNS":                        {len(a.msg), false, 3, 1, false, false},
		"no EDNS, cut":                   {a.coreEnd - 1, false, 0, 0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := new(dns.Msg)
			r.SetQuestion("A.sHop.svc.Clusterset.local.", dns.TypeA)
			r.Id = 4711
			if tc.edns {
				r.SetEdns0(1232, true)
			}
			b, err := a.render(nil, r, tc.limit, a.ede)
			if err != nil || len(b) > tc.limit {
				t.Fatalf("%d bytes of %d, %v", len(b), tc.limit, err)
			}
			m := new(dns.Msg)
			if err := m.Unpack(b); err != nil {
				t.Fatal(err)
			}
			opt := m.IsEdns0()
			additional := len(m.Extra)
			if opt != nil {
				additional--
				if !opt.Do() || opt.UDPSize() != udpSize || (len(opt.Option) > 0) != tc.ede {
					t.Errorf("OPT is %v", opt)
				}
			}
			if (opt != nil) != tc.edns || len(m.Answer) != tc.answers || additional != tc.additional || m.Truncated != tc.tc {
				t.Errorf("rendered as %v", m)
			}
			if m.Id != 4711 || !m.RecursionDesired || !m.Authoritative || m.Question[0].Name != r.Question[0].Name {
				t.Errorf("header or question are not the client's: %v", m)
			}
		})
	}
}

func TestMalformedAnswers(t *testing.T) {
	query := sampleQuery(t)
	for name, change := range map[string]func(b []byte) []byte{
		"a query":              func(b []byte) []byte { b[2] &= 0x7f; return b },
		"another question":     func(b []byte) []byte { b[13] = 'b'; return b },
		"more after it":        func(b []byte) []byte { return append(b, 0) },
		"cut short":            func(b []byte) []byte { return b[:len(b)-1] },
		"one record too few":   func(b []byte) []byte { b[7]++; return b },
		"no question":          func(b []byte) []byte { b[5] = 0; return b },
		"OPT in the answer":    func(b []byte) []byte { b[7], b[11] = b[7]+2, b[11]-2; return b },
		"another version":      func(b []byte) []byte { return patchOption(b, 0, 9) },
		"a serial beyond":      func(b []byte) []byte { return patchOption(b, 18, 0xff) },
		"a serial in question": func(b []byte) []byte { return patchOption(b, 19, 13) },
	} {
		t.Run(name, func(t *testing.T) {
			if a, err := parseAnswer(change(sample(t)), query); err == nil {
				t.Errorf("taken as %+v", a)
			}
		})
	}
}

// patchOption sets a byte of the option that promises.
func patchOption(b []byte, at int, value byte) []byte {
	for i := len(b) - 24; i > 0; i-- {
		if binary.BigEndian.Uint16(b[i:]) == optionCode && binary.BigEndian.Uint16(b[i+2:]) == promiseSize {
			b[i+4+at] = value
			return b
		}
	}
	panic("no option")
}

// FuzzAnswer: whatever a server sends, nothing panics, and what is accepted can be rendered.
func FuzzAnswer(f *testing.F) {
	query := sampleQuery(f)
	good := sample(f)
	f.Add(good)
	for cut := 0; cut < len(good); cut += 11 {
		f.Add(good[:cut])
	}
	for at := 2; at < len(good); at++ {
		bad := append([]byte(nil), good...)
		bad[at] ^= 0xc1
		f.Add(bad)
	}
	r := new(dns.Msg)
	r.SetQuestion("a.shop.svc.clusterset.local.", dns.TypeA)
	r.SetEdns0(1232, false)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAnswer(append([]byte(nil), b...), query)
		if err != nil {
			return
		}
		for _, limit := range []int{512, 1232, dns.MaxMsgSize} {
			out, err := a.render(nil, r, limit, a.ede)
			if err != nil || len(out) > limit+optSize {
				t.Errorf("%d bytes of %d, %v", len(out), limit, err)
			}
		}
	})
}

// FuzzSession: whatever a server says on a session, nothing panics.
func FuzzSession(f *testing.F) {
	f.Add(appendDSO(nil, 0, tlvChanged, make([]byte, 21)))
	f.Add(appendDSO(nil, 0, tlvRetryDelay, make([]byte, 4)))
	f.Add(appendDSO(nil, 1, tlvSession, make([]byte, 26)))
	f.Add(appendDSO(nil, 1, tlvProbe, nil)[:14])
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, ok, err := parseWelcome(b); err == nil && ok {
			newPromise(w).learn(w.changes)
		}
		if c, err := parseChanges(b); err == nil {
			new(promise).learn(c)
		}
		primaryTLV(b)
	})
}
