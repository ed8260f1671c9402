// Prints what Go's own resolver finds of a name at a server, one a line, sorted: go run lookup.go SERVER NAME SRV-NAME GONE
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
)

func main() {
	server, name, service, gone := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}}
	ctx := context.Background()
	var lines []string
	addresses, err := resolver.LookupHost(ctx, name)
	for _, address := range addresses {
		lines = append(lines, "host "+address)
	}
	if err != nil {
		lines = append(lines, "host "+err.Error())
	}
	_, targets, err := resolver.LookupSRV(ctx, "", "", service)
	for _, target := range targets {
		lines = append(lines, fmt.Sprintf("srv %d %d %d %s", target.Priority, target.Weight, target.Port, target.Target))
	}
	if err != nil {
		lines = append(lines, "srv "+err.Error())
	}
	var missing *net.DNSError
	if _, err := resolver.LookupHost(ctx, gone); errors.As(err, &missing) {
		lines = append(lines, fmt.Sprintf("gone %t", missing.IsNotFound))
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
}
