package pharos

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	pkgtls "github.com/coredns/coredns/plugin/pkg/tls"
)

const (
	defaultStale    = time.Hour
	defaultPositive = 32768
	defaultDenial   = 8192
	defaultInterval = 500 * time.Millisecond
	// cacheRoom is the most bytes that kept answers take.
	cacheRoom = 64 << 20
)

func init() { plugin.Register("pharos", setup) }

func setup(c *caddy.Controller) error {
	p, err := parse(c)
	if err != nil {
		return plugin.Error("pharos", err)
	}
	dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler {
		p.Next = next
		return p
	})
	c.OnStartup(p.start)
	c.OnShutdown(p.stop)
	return nil
}

func parse(c *caddy.Controller) (*Pharos, error) {
	p := &Pharos{Stale: defaultStale}
	positive, denial := defaultPositive, defaultDenial
	interval := defaultInterval
	var config *tls.Config
	serverName, nameServer := "", ""
	var entries []string
	for first := true; c.Next(); first = false {
		if !first {
			return nil, plugin.ErrOnce
		}
		for _, arg := range c.RemainingArgs() {
			entry, err := parseEntry(arg)
			if err != nil {
				return nil, err
			}
			entries = append(entries, entry)
		}
		if len(entries) == 0 {
			return nil, c.Err("name at least one pharos dns server: ADDRESS[:PORT], NAME[:PORT] or dns+srv://NAME")
		}
		for c.NextBlock() {
			property := c.Val()
			args := c.RemainingArgs()
			var err error
			switch property {
			case "zones":
				if len(args) == 0 {
					return nil, c.ArgErr()
				}
				p.Zones = plugin.OriginsFromArgsOrServerBlock(args, nil)
			case "fallthrough":
				p.Fall.SetZonesFromArgs(args)
			case "stale":
				p.Stale, err = durationArg(c, args, 0)
			case "health_check":
				interval, err = durationArg(c, args, 50*time.Millisecond)
			case "cache":
				positive, denial, err = cacheArgs(c, args)
			case "tls":
				if len(args) > 3 {
					return nil, c.ArgErr()
				}
				config, err = pkgtls.NewTLSConfigFromArgs(args...)
			case "tls_servername":
				if len(args) != 1 {
					return nil, c.ArgErr()
				}
				serverName = args[0]
			case "resolver":
				if len(args) != 1 {
					return nil, c.ArgErr()
				}
				if nameServer, err = parseEntry(args[0]); err == nil && net.ParseIP(hostOf(nameServer)) == nil {
					err = c.Errf("resolver %q is no ADDRESS[:PORT]", args[0])
				}
			default:
				return nil, c.Errf("unknown property %q", property)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if p.Zones == nil {
		p.Zones = plugin.OriginsFromArgsOrServerBlock(nil, c.ServerBlockKeys)
	}
	if serverName != "" {
		if config == nil {
			return nil, c.Err("tls_servername has no meaning without tls")
		}
		config.ServerName = serverName
	}
	p.pool = newPool(config, interval)
	p.resolver = newResolver(entries, nameServer)
	p.cache = newCache(positive, denial, cacheRoom)
	return p, nil
}

// parseEntry checks a server's address, and gives it a port where it has none.
func parseEntry(entry string) (string, error) {
	if name, ok := strings.CutPrefix(entry, srvPrefix); ok {
		if name == "" || strings.ContainsAny(name, ":/") {
			return "", fmt.Errorf("%q: after %s comes the name that has SRV records, without a port", entry, srvPrefix)
		}
		return entry, nil
	}
	if strings.Contains(entry, "/") {
		return "", fmt.Errorf("%q is no ADDRESS[:PORT], NAME[:PORT] or %sNAME", entry, srvPrefix)
	}
	host, port, err := net.SplitHostPort(entry)
	if err != nil {
		host, port = strings.Trim(entry, "[]"), defaultPort
		if strings.Contains(host, ":") && net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil {
			return "", fmt.Errorf("%q is no ADDRESS[:PORT], NAME[:PORT] or %sNAME", entry, srvPrefix)
		}
	}
	if number, err := strconv.Atoi(port); err != nil || number < 1 || number > 65535 || host == "" {
		return "", fmt.Errorf("%q is no ADDRESS[:PORT], NAME[:PORT] or %sNAME", entry, srvPrefix)
	}
	return net.JoinHostPort(host, port), nil
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func durationArg(c *caddy.Controller, args []string, least time.Duration) (time.Duration, error) {
	if len(args) != 1 {
		return 0, c.ArgErr()
	}
	d, err := time.ParseDuration(args[0])
	if err != nil || d < least {
		return 0, c.Errf("%q is no duration of at least %v, such as 30s or 1h", args[0], least)
	}
	return d, nil
}

// cacheArgs reads `off`, or the number of questions to keep, and of those for names that do not exist.
func cacheArgs(c *caddy.Controller, args []string) (positive, denial int, err error) {
	if len(args) == 1 && args[0] == "off" {
		return 0, 0, nil
	}
	if len(args) < 1 || len(args) > 2 {
		return 0, 0, c.ArgErr()
	}
	numbers := [2]int{0, defaultDenial}
	for index, arg := range args {
		if numbers[index], err = strconv.Atoi(arg); err != nil || numbers[index] < 0 {
			return 0, 0, c.Errf("cache: %q is no number of questions", arg)
		}
	}
	return numbers[0], numbers[1], nil
}
