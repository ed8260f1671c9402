// Package pharos is a CoreDNS plugin that answers for a clusterset's zone from pharos dns: over one connection
// to each server, and from a cache that is exact, since the servers announce on it what has changed.
package pharos

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"

	"github.com/miekg/dns"
)

// Pharos answers what is in its zones, by what its servers say.
type Pharos struct {
	Next  plugin.Handler
	Zones []string
	Fall  fall.F

	// Stale is how long answers are given that nobody vouches for, when no server is left.
	Stale time.Duration

	pool     *pool
	resolver *resolver
	cache    *cache
}

// Name implements the plugin.Handler interface.
func (p *Pharos) Name() string { return "pharos" }

// ServeDNS implements the plugin.Handler interface.
func (p *Pharos) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	asked := &r.Question[0]
	q := question{strings.ToLower(asked.Name), asked.Qtype}
	if asked.Qclass != dns.ClassINET || r.Opcode != dns.OpcodeQuery || plugin.Zones(p.Zones).Matches(q.name) == "" {
		return plugin.NextOrFailure(p.Name(), p.Next, ctx, w, r)
	}
	turn := uint32(0)
	e := p.cache.get(q)
	if e == nil {
		turn = rand.Uint32()
	} else {
		turn = e.next()
		if a := e.at(turn); a != nil && a.current() {
			cacheHits.Inc()
			return p.reply(ctx, w, r, q, a, a.ede)
		}
	}
	cacheMisses.Inc()
	a, err := p.pool.ask(ctx, q, turn, clientOf(w), !p.hasStale(e, turn))
	if err == nil && a.rcode != dns.RcodeServerFailure {
		p.cache.put(q, turn, a)
		return p.reply(ctx, w, r, q, a, a.ede)
	}
	if e != nil {
		if old := e.any(turn); old != nil {
			if since, ok := old.staleSince(); ok && time.Since(since) < p.Stale {
				servedStale.Inc()
				return p.reply(ctx, w, r, q, old, staleOption(since))
			}
		}
	}
	failures.Inc()
	if err == nil {
		return p.reply(ctx, w, r, q, a, a.ede)
	}
	// Written here, for the error in it; the code says that it was.
	if failed := writeFailure(w, r, err.Error()); failed != nil {
		return dns.RcodeServerFailure, plugin.Error(p.Name(), failed)
	}
	return dns.RcodeSuccess, plugin.Error(p.Name(), err)
}

// hasStale says whether there is something to answer with while no server is left.
func (p *Pharos) hasStale(e *entry, turn uint32) bool {
	if e == nil {
		return false
	}
	a := e.any(turn)
	if a == nil {
		return false
	}
	since, ok := a.staleSince()
	return ok && time.Since(since) < p.Stale
}

func (p *Pharos) reply(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, q question, a *answer, option []byte) (int, error) {
	if a.rcode == dns.RcodeNameError && p.Fall.Through(q.name) {
		return plugin.NextOrFailure(p.Name(), p.Next, ctx, w, r)
	}
	if err := a.write(w, r, option); err != nil {
		return dns.RcodeServerFailure, plugin.Error(p.Name(), err)
	}
	return dns.RcodeSuccess, nil
}

func clientOf(w dns.ResponseWriter) netip.Addr {
	switch address := w.RemoteAddr().(type) {
	case *net.UDPAddr:
		return address.AddrPort().Addr()
	case *net.TCPAddr:
		return address.AddrPort().Addr()
	default:
		return netip.Addr{}
	}
}

// start connects, and waits a moment for it: a CoreDNS that reloads its configuration goes over to the new
// instance when this returns, and shall not keep its clients waiting.
func (p *Pharos) start() error {
	up := p.pool.nextUp()
	p.resolver.start(p.pool.set)
	if !p.pool.connected() && !wait(context.Background(), up, comeBack) {
		log.Warningf("No pharos dns server can be reached yet: %s", strings.Join(p.resolver.entries, " "))
	}
	return nil
}

func (p *Pharos) stop() error {
	p.resolver.close()
	p.pool.close()
	return nil
}
