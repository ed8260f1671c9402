package pharos

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"
)

// startPlugin starts the plugin for clusterset.local. with these servers, as CoreDNS would.
func startPlugin(t *testing.T, change func(p *Pharos), servers ...*fakeServer) *Pharos {
	t.Helper()
	p := &Pharos{Zones: []string{"clusterset.local."}, Stale: time.Hour, Next: test.ErrorHandler()}
	p.pool = newPool(nil, 200*time.Millisecond)
	p.cache = newCache(1000, 100, 1<<20)
	var entries []string
	for _, s := range servers {
		entries = append(entries, s.address)
	}
	p.resolver = newResolver(entries, "")
	if change != nil {
		change(p)
	}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop() })
	for _, s := range *p.pool.servers.Load() {
		eventually(t, "connection to "+s.address, func() bool { return s.conn.Load() != nil })
	}
	return p
}

func query(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.SetEdns0(1232, false)
	return m
}

func ask(t *testing.T, p *Pharos, r *dns.Msg) *dns.Msg {
	t.Helper()
	w := dnstest.NewRecorder(&test.ResponseWriter{})
	p.ServeDNS(context.Background(), w, r)
	if w.Msg == nil {
		t.Fatalf("no answer to %v", r.Question)
	}
	return w.Msg
}

// address is what a name resolves to, or the code that it is answered with.
func address(t *testing.T, p *Pharos, name string) string {
	t.Helper()
	m := ask(t, p, query(name, dns.TypeA))
	if len(m.Answer) == 0 {
		return dns.RcodeToString[m.Rcode]
	}
	return m.Answer[0].(*dns.A).A.String()
}

func edeOf(m *dns.Msg) (code uint16, text string) {
	for _, option := range m.IsEdns0().Option {
		if e, ok := option.(*dns.EDNS0_EDE); ok {
			return e.InfoCode, e.ExtraText
		}
	}
	return 0xffff, ""
}

const name = "a.shop.svc.clusterset.local."

func TestAnswersAreKeptUntilTheyChange(t *testing.T) {
	s := startFake(t, "")
	p := startPlugin(t, nil, s)
	for range 3 {
		if got := address(t, p, name); got != "10.0.0.1" {
			t.Fatalf("the answer is %s", got)
		}
	}
	address(t, p, "b.shop.svc.clusterset.local.")
	if n := s.questions(); n != 2 {
		t.Fatalf("the server was asked %d times, wanted once for each name", n)
	}
	s.set(func() { s.address4 = "10.0.0.9" })
	s.change(false, dependencyOf("a"))
	eventually(t, "the change is seen", func() bool { return address(t, p, name) == "10.0.0.9" })
	before := s.questions()
	if address(t, p, "b.shop.svc.clusterset.local."); s.questions() != before {
		t.Error("a change of one name dropped another")
	}
	s.set(func() { s.address4 = "10.0.0.8" })
	s.change(true)
	eventually(t, "the change of everything is seen", func() bool { return address(t, p, "b.shop.svc.clusterset.local.") == "10.0.0.8" })
}

func TestAnAnnouncementThatOvertakesAnAnswerHolds(t *testing.T) {
	s := startFake(t, "")
	p := startPlugin(t, nil, s)
	promise := (*p.pool.servers.Load())[0].conn.Load().promise
	s.change(false, dependencyOf("a"))
	eventually(t, "the announcement is in", func() bool { return promise.generation.Load() == 2 })
	s.set(func() { s.generation = 1 }) // an answer of before the change
	address(t, p, name)
	s.set(func() { s.generation, s.address4 = 2, "10.0.0.7" })
	if got := address(t, p, name); got != "10.0.0.7" {
		t.Fatalf("an answer that was overtaken is given as current: %s", got)
	}
}

func TestTurnsAreKeptApart(t *testing.T) {
	s := startFake(t, "")
	s.period = 3
	p := startPlugin(t, nil, s)
	seen := map[string]int{}
	for range 300 {
		seen[address(t, p, name)]++
	}
	// The first is of any turn, the next of the one after it.
	if seen["10.0.0.1"] != 100 || seen["10.0.0.2"] != 100 || seen["10.0.0.3"] != 100 {
		t.Errorf("shares are %v", seen)
	}
	if n := s.questions(); n != 3 {
		t.Errorf("the server was asked %d times, wanted once for each turn", n)
	}
}

func TestWhatMayNotBeKeptIsAskedForEachTime(t *testing.T) {
	s := startFake(t, "")
	s.keep = false
	p := startPlugin(t, nil, s)
	address(t, p, name)
	address(t, p, name)
	if s.questions() != 2 || !s.asked[0].client.Equal(net.ParseIP("10.240.0.1")) {
		t.Errorf("asked %v", s.asked)
	}
}

func TestAServerWithoutSessionsIsAskedForEachQuery(t *testing.T) {
	s := startFake(t, "")
	s.plain = true
	p := startPlugin(t, nil, s)
	address(t, p, name)
	if got := address(t, p, name); got != "10.0.0.1" || s.questions() != 2 {
		t.Errorf("answer %s, asked %d times", got, s.questions())
	}
}

func TestStale(t *testing.T) {
	s := startFake(t, "")
	p := startPlugin(t, nil, s)
	address(t, p, name)
	s.kill()
	promise := p.cache.get(question{name, dns.TypeA}).at(0).promise
	eventually(t, "the connection is known to be gone", func() bool { return promise.state.Load() == promiseLost })
	m := ask(t, p, query(name, dns.TypeA))
	if code, text := edeOf(m); len(m.Answer) != 1 || code != codeStale || !strings.Contains(text, "since") {
		t.Errorf("without a server the answer is %v", m)
	}
	m = ask(t, p, query("b.shop.svc.clusterset.local.", dns.TypeA))
	if code, text := edeOf(m); m.Rcode != dns.RcodeServerFailure || code != codeNone || text == "" {
		t.Errorf("what is not kept is answered by %v", m)
	}
	p.Stale = 0
	if m = ask(t, p, query(name, dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("beyond the time for stale answers there is one: %v", m)
	}
}

func TestAReconnect(t *testing.T) {
	const other = "b.shop.svc.clusterset.local."
	for title, tc := range map[string]struct {
		resume bool
		epoch  uint64
		asks   int // after it, for a name that changed and one that did not
	}{
		"to a server that says what was missed drops that alone": {true, 1, 1},
		"to a server that cannot say it drops everything":        {false, 1, 2},
		"to another process drops everything":                    {true, 2, 2},
	} {
		t.Run(title, func(t *testing.T) {
			s := startFake(t, "")
			p := startPlugin(t, nil, s)
			address(t, p, name)
			address(t, p, other)
			first := (*p.pool.servers.Load())[0].conn.Load()
			s.set(func() {
				s.resume, s.epoch, s.missed, s.generation = tc.resume, tc.epoch, []uint32{dependencyOf("a")}, 5
			})
			s.cut()
			eventually(t, "another connection", func() bool {
				c := (*p.pool.servers.Load())[0].conn.Load()
				return c != nil && c != first
			})
			before := s.questions()
			address(t, p, name)
			address(t, p, other)
			if n := s.questions() - before; n != tc.asks {
				t.Errorf("the server was asked %d times, wanted %d", n, tc.asks)
			}
		})
	}
}

func TestNoQueryIsLostWhileOneServerLives(t *testing.T) {
	servers := []*fakeServer{startFake(t, ""), startFake(t, ""), startFake(t, "")}
	p := startPlugin(t, func(p *Pharos) { p.cache = newCache(0, 0, 0) }, servers...)
	var stop atomic.Bool
	var failed, done atomic.Int64
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				w := dnstest.NewRecorder(&test.ResponseWriter{})
				p.ServeDNS(context.Background(), w, query(fmt.Sprintf("w%d-%d.shop.svc.clusterset.local.", worker, n), dns.TypeA))
				if w.Msg == nil || len(w.Msg.Answer) != 1 {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	for round := range 9 {
		from := done.Load()
		eventually(t, "queries go on", func() bool { return done.Load() > from+50 })
		victim := servers[round%3]
		victim.kill()
		again := startFake(t, victim.address)
		servers[round%3] = again
		eventually(t, "it is back", func() bool {
			return !slices.ContainsFunc(*p.pool.servers.Load(), func(s *server) bool { return s.conn.Load() == nil })
		})
	}
	stop.Store(true)
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d queries failed", failed.Load(), done.Load())
	}
}

func TestASilentServerIsFoundOut(t *testing.T) {
	silent, alive := startFake(t, ""), startFake(t, "")
	p := startPlugin(t, nil, silent, alive)
	silent.set(func() { silent.silent = true })
	for n := range 20 {
		if got := address(t, p, fmt.Sprintf("s%d.shop.svc.clusterset.local.", n)); got != "10.0.0.1" {
			t.Fatalf("with one silent server the answer is %s", got)
		}
	}
	eventually(t, "the silent connection is closed", func() bool {
		return slices.ContainsFunc(*p.pool.servers.Load(), func(s *server) bool { return s.conn.Load() == nil })
	})
}

func TestAServerThatIsNotReadyIsPassedOver(t *testing.T) {
	fresh, synced := startFake(t, ""), startFake(t, "")
	fresh.rcode = dns.RcodeServerFailure
	p := startPlugin(t, nil, fresh, synced)
	for n := range 10 {
		if got := address(t, p, fmt.Sprintf("n%d.shop.svc.clusterset.local.", n)); got != "10.0.0.1" {
			t.Fatalf("the answer is %s", got)
		}
	}
	synced.set(func() { synced.rcode = dns.RcodeServerFailure })
	if got := address(t, p, "z.shop.svc.clusterset.local."); got != "SERVFAIL" {
		t.Errorf("when no server is ready the answer is %s", got)
	}
}

func TestAServerThatClosesIsLeftInTime(t *testing.T) {
	leaving, staying := startFake(t, ""), startFake(t, "")
	p := startPlugin(t, nil, leaving, staying)
	leaving.set(func() {
		for nc := range leaving.conns {
			send(nc, appendDSO(nil, 0, tlvRetryDelay, []byte{0, 0, 0, 0}))
		}
	})
	first := func() *conn {
		return (*p.pool.servers.Load())[slices.Index(p.resolver.entries, leaving.address)].conn.Load()
	}
	eventually(t, "it is left", func() bool { c := first(); return c == nil || !closedBy(c.leaving) })
	if got := address(t, p, name); got != "10.0.0.1" {
		t.Errorf("the answer is %s", got)
	}
}

func closedBy(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestOtherNamesAndFallthrough(t *testing.T) {
	s := startFake(t, "")
	s.rcode = dns.RcodeNameError
	passed := 0
	p := startPlugin(t, func(p *Pharos) {
		p.Fall.SetZonesFromArgs([]string{"shop.svc.clusterset.local"})
		p.Next = plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			passed++
			return dns.RcodeSuccess, w.WriteMsg(new(dns.Msg).SetReply(r))
		})
	}, s)
	address(t, p, "example.org.")
	if passed != 1 || s.questions() != 0 {
		t.Errorf("a name outside of the zones: %d passed on, %d asked", passed, s.questions())
	}
	address(t, p, name)
	address(t, p, name)
	if passed != 3 || s.questions() != 1 {
		t.Errorf("names that do not exist: %d passed on, %d asked", passed, s.questions())
	}
	if got := address(t, p, "a.other.svc.clusterset.local."); got != "NXDOMAIN" || passed != 3 {
		t.Errorf("a name that may not fall through is answered by %s", got)
	}
	r := query("a.shop.svc.clusterset.local.", dns.TypeA)
	r.Question[0].Qclass = dns.ClassCHAOS
	ask(t, p, r)
	if passed != 4 {
		t.Error("another class is not passed on")
	}
}

func TestReady(t *testing.T) {
	s := startFake(t, "")
	s.kill()
	p := startPluginWithout(t, s.address)
	if p.Ready() {
		t.Error("ready without a server")
	}
	startFake(t, s.address)
	eventually(t, "ready", p.Ready)
}

func startPluginWithout(t *testing.T, address string) *Pharos {
	p := &Pharos{Zones: []string{"clusterset.local."}, pool: newPool(nil, time.Second), cache: newCache(10, 10, 1<<20)}
	p.resolver = newResolver([]string{address}, "")
	p.start()
	t.Cleanup(func() { p.stop() })
	return p
}

func TestNothingIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		s := startFake(t, "")
		p := startPlugin(t, nil, s)
		address(t, p, name)
		p.stop()
		s.kill()
	}
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before+2 })
}
