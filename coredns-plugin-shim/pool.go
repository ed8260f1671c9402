package pharos

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	// attemptTimeout is how long one server may take before another is asked.
	attemptTimeout = time.Second
	// questionTimeout is how long a question is tried in all: clients wait five seconds.
	questionTimeout = 4 * time.Second
	// comeBack is how long a question waits for a server while there is none.
	comeBack = time.Second
)

// pool is the servers that are asked: those that the addresses stand for now.
type pool struct {
	tls      *tls.Config
	interval time.Duration

	servers atomic.Pointer[[]*server]
	turn    atomic.Uint32

	mu sync.Mutex
	// up is closed, and replaced, when a connection has come up.
	up     chan struct{}
	closed bool
}

func newPool(config *tls.Config, interval time.Duration) *pool {
	p := &pool{tls: config, interval: interval, up: make(chan struct{})}
	p.servers.Store(&[]*server{})
	return p
}

// set makes these addresses, and no others, the pool's. Servers that stay are left alone.
func (p *pool) set(addresses []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	var now, gone []*server
	for _, s := range *p.servers.Load() {
		if slices.Contains(addresses, s.address) {
			now = append(now, s)
		} else {
			gone = append(gone, s)
		}
	}
	for _, address := range addresses {
		if !slices.ContainsFunc(now, func(s *server) bool { return s.address == address }) {
			now = append(now, startServer(address, p.tls, p.interval, p.announceUp))
		}
	}
	p.servers.Store(&now)
	for _, s := range gone {
		go s.close()
	}
}

func (p *pool) announceUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.up)
	p.up = make(chan struct{})
}

func (p *pool) nextUp() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up
}

// close lets what is under way end, and ends all connections.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	servers := *p.servers.Load()
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(s.close)
	}
	wg.Wait()
}

// connected says whether any server can be asked.
func (p *pool) connected() bool {
	return slices.ContainsFunc(*p.servers.Load(), func(s *server) bool { return s.conn.Load() != nil })
}

// pick chooses the connection with the least outstanding questions that is not among tried; nil = none.
func (p *pool) pick(tried []*conn) (*conn, *server) {
	servers := *p.servers.Load()
	first := int(p.turn.Add(1))
	var best *conn
	var of *server
	for index := range servers {
		s := servers[(first+index)%len(servers)]
		c := s.conn.Load()
		if c == nil || slices.Contains(tried, c) {
			continue
		}
		if best == nil || c.outstanding.Load() < best.outstanding.Load() {
			best, of = c, s
		}
	}
	return best, of
}

// ask asks the servers until one has an answer. A question whose connection dies under it goes to the next at
// once: asking twice does no harm. patient = false gives up where there is no connection, instead of waiting for one.
func (p *pool) ask(ctx context.Context, q question, turn uint32, client netip.Addr, patient bool) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	var tried []*conn
	var failed *answer
	var last error = errNoServer
	for {
		up := p.nextUp()
		c, s := p.pick(tried)
		if c == nil {
			// A server that says SERVFAIL has nothing to say yet, or is broken: the others were asked first.
			if failed != nil {
				return failed, nil
			}
			if !patient || !wait(ctx, up, comeBack) {
				return nil, last
			}
			tried = tried[:0]
			continue
		}
		if len(tried) > 0 {
			retries.Inc()
		}
		a, err := c.ask(ctx, s.address, q, turn, client)
		switch {
		case err != nil && ctx.Err() != nil, errors.Is(err, errName):
			return nil, err
		case err != nil:
			last = err
		case a.rcode == dns.RcodeServerFailure:
			failed = a
		default:
			return a, nil
		}
		tried = append(tried, c)
	}
}

// wait waits for up, at most for limit. It says whether it came.
func wait(ctx context.Context, up <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-up:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
}

// ask asks on this connection.
func (c *conn) ask(ctx context.Context, address string, q question, turn uint32, client netip.Addr) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	began := time.Now()
	msg, query, err := c.exchange(ctx, func(id uint16) ([]byte, error) {
		return appendQuery(make([]byte, 0, 128), id, q, turn, client)
	})
	if err != nil {
		return nil, err
	}
	a, err := parseAnswer(msg, query)
	if err != nil {
		c.close(err)
		return nil, err
	}
	a.promise = c.promise
	a.keep = a.keep && c.promise != nil
	exchangeDuration.WithLabelValues(address).Observe(time.Since(began).Seconds())
	return a, nil
}
