package pharos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
)

func TestSetup(t *testing.T) {
	for name, tc := range map[string]struct {
		input   string
		err     string // part of the error; empty = none is due
		servers []string
		zones   []string
		check   func(p *Pharos) bool
	}{
		"everything": {
			input: `pharos 10.96.0.53:5399 dns+srv://_dns-tcp._tcp.pharos-dns.pharos.svc.cluster.local pharos-dns.pharos.svc.cluster.local:5399 {
				zones clusterset.local 10.in-addr.arpa
				fallthrough in-addr.arpa
				stale 10m
				cache 100 10
				health_check 1s
				tls
				tls_servername pharos-dns
				resolver 10.96.0.10
			}`,
			servers: []string{"10.96.0.53:5399", "dns+srv://_dns-tcp._tcp.pharos-dns.pharos.svc.cluster.local", "pharos-dns.pharos.svc.cluster.local:5399"},
			zones:   []string{"clusterset.local.", "10.in-addr.arpa."},
			check: func(p *Pharos) bool {
				return p.Stale == 10*time.Minute && p.pool.interval == time.Second && p.pool.tls.ServerName == "pharos-dns" &&
					p.cache.positive.capacity == 100 && p.cache.denial.capacity == 10 && p.Fall.Through("1.in-addr.arpa.") && !p.Fall.Through("a.clusterset.local.")
			},
		},
		"addresses get a port, zones are the block's": {
			input:   "pharos 10.0.0.1 fd00::1 [fd00::2]:5399 dns",
			servers: []string{"10.0.0.1:53", "[fd00::1]:53", "[fd00::2]:5399", "dns:53"},
			zones:   []string{"clusterset.local."},
			check: func(p *Pharos) bool {
				return p.Stale == time.Hour && !p.Fall.Through("a.clusterset.local.") && p.pool.tls == nil
			},
		},
		"no cache": {
			input: "pharos 10.0.0.1 {\ncache off\n}",
			check: func(p *Pharos) bool { return p.cache.positive.capacity == 0 && p.cache.denial.capacity == 0 },
		},
		"all falls through": {
			input: "pharos 10.0.0.1 {\nfallthrough\n}",
			check: func(p *Pharos) bool { return p.Fall.Through("a.clusterset.local.") },
		},
		"no server":                {input: "pharos", err: "name at least one"},
		"twice":                    {input: "pharos 10.0.0.1\npharos 10.0.0.2", err: "once"},
		"no such property":         {input: "pharos 10.0.0.1 {\nttl 5\n}", err: `unknown property "ttl"`},
		"no duration":              {input: "pharos 10.0.0.1 {\nstale long\n}", err: `"long" is no duration`},
		"negative duration":        {input: "pharos 10.0.0.1 {\nstale -1s\n}", err: `"-1s" is no duration`},
		"too eager a check":        {input: "pharos 10.0.0.1 {\nhealth_check 1ms\n}", err: "at least 50ms"},
		"no number":                {input: "pharos 10.0.0.1 {\ncache many\n}", err: `"many" is no number`},
		"no zone after zones":      {input: "pharos 10.0.0.1 {\nzones\n}", err: "Wrong argument count"},
		"a port that is none":      {input: "pharos 10.0.0.1:0", err: "is no ADDRESS"},
		"another scheme":           {input: "pharos tls://10.0.0.1", err: "is no ADDRESS"},
		"a port for SRV":           {input: "pharos dns+srv://name:53", err: "without a port"},
		"a name as resolver":       {input: "pharos 10.0.0.1 {\nresolver kube-dns\n}", err: "is no ADDRESS"},
		"a server name, no TLS":    {input: "pharos 10.0.0.1 {\ntls_servername a\n}", err: "without tls"},
		"files that are not there": {input: "pharos 10.0.0.1 {\ntls /none/c /none/k /none/ca\n}", err: "/none/c"},
	} {
		t.Run(name, func(t *testing.T) {
			c := caddy.NewTestController("dns", tc.input)
			c.ServerBlockKeys = []string{"clusterset.local:53"}
			p, err := parse(c)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("the error is %v, wanted one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tc.servers != nil && !slices.Equal(p.resolver.entries, tc.servers) {
				t.Errorf("servers are %q", p.resolver.entries)
			}
			if tc.zones != nil && !slices.Equal(p.Zones, tc.zones) {
				t.Errorf("zones are %q", p.Zones)
			}
			if !tc.check(p) {
				t.Errorf("read as %+v", p)
			}
		})
	}
}
