package pharos

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// srvPrefix marks a name whose SRV records are the servers.
	srvPrefix      = "dns+srv://"
	resolveEvery   = 5 * time.Second
	resolveTimeout = 3 * time.Second
	// defaultPort is where pharos dns listens behind cluster DNS.
	defaultPort = "53"
)

// lookup is the part of net.Resolver that is used.
type lookup interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// resolver turns what is configured into addresses, and follows names as what they stand for changes.
type resolver struct {
	// entries are ADDRESS:PORT, NAME:PORT or dns+srv://NAME.
	entries []string
	lookup  lookup
	every   time.Duration

	// known is what each entry stood for when it could last be told.
	known map[string][]string

	stop context.CancelFunc
	done sync.WaitGroup
}

func newResolver(entries []string, server string) *resolver {
	found := &net.Resolver{}
	if server != "" {
		found = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server)
		}}
	}
	return &resolver{entries: entries, lookup: found, every: resolveEvery, known: map[string][]string{}}
}

// start calls set with the addresses, now and whenever they are others. It waits for the first look-up.
func (r *resolver) start(set func(addresses []string)) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	addresses, names := r.resolve(ctx)
	set(addresses)
	if !names {
		return
	}
	r.done.Go(func() {
		ticker := time.NewTicker(r.every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if now, _ := r.resolve(ctx); !slices.Equal(now, addresses) && ctx.Err() == nil {
				addresses = now
				set(addresses)
			}
		}
	})
}

func (r *resolver) close() {
	if r.stop != nil {
		r.stop()
		r.done.Wait()
	}
}

// resolve returns the addresses, sorted, and whether any of them come from names. A name that cannot be looked
// up stands for what it stood for before: a name service that is away takes no server away.
func (r *resolver) resolve(ctx context.Context) (addresses []string, names bool) {
	for _, entry := range r.entries {
		host, port, err := net.SplitHostPort(entry)
		if err == nil && net.ParseIP(strings.SplitN(host, "%", 2)[0]) != nil {
			addresses = append(addresses, entry)
			continue
		}
		names = true
		found, err := r.resolveName(ctx, entry, host, port)
		if err != nil {
			log.Warningf("Cannot look up %s: %v", entry, err)
			found = r.known[entry]
		}
		r.known[entry] = found
		addresses = append(addresses, found...)
	}
	slices.Sort(addresses)
	return slices.Compact(addresses), names
}

func (r *resolver) resolveName(ctx context.Context, entry, host, port string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	name, isSRV := strings.CutPrefix(entry, srvPrefix)
	if !isSRV {
		return r.hosts(ctx, host, port)
	}
	_, targets, err := r.lookup.LookupSRV(ctx, "", "", name)
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, target := range targets {
		found, err := r.hosts(ctx, target.Target, strconv.Itoa(int(target.Port)))
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, found...)
	}
	return addresses, nil
}

func (r *resolver) hosts(ctx context.Context, host, port string) ([]string, error) {
	ips, err := r.lookup.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	addresses := make([]string, len(ips))
	for index, ip := range ips {
		addresses[index] = net.JoinHostPort(ip, port)
	}
	return addresses, nil
}
