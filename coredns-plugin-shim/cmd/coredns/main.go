// Command coredns is CoreDNS with all of its default plugins and pharos.
//
// A plugin's place in a server block's chain is its place in this list, not in the Corefile. pharos stands
// right before cache: what it answers is exact until the server says otherwise, and a cache in front of it
// would keep it by TTL instead. So it stands after what decides who may ask (acl, any) and what looks on
// (prometheus, log, dnstap), and before all that answers (kubernetes, file, forward), which its fallthrough
// reaches.
package main

import (
	"slices"

	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/core/plugin"
	"github.com/coredns/coredns/coremain"

	_ "pharos.io/coredns-plugin-shim"
)

func init() {
	at := slices.Index(dnsserver.Directives, "cache")
	dnsserver.Directives = slices.Insert(dnsserver.Directives, at, "pharos")
}

func main() {
	coremain.Run()
}
