package pharos

import (
	"github.com/coredns/coredns/plugin"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

func counterOpts(name, help string) prometheus.CounterOpts {
	return prometheus.CounterOpts{Namespace: plugin.Namespace, Subsystem: "pharos", Name: name, Help: help}
}

// Labels are servers as they are configured or resolved, never what clients ask.
var (
	cacheHits = promauto.NewCounter(counterOpts("cache_hits_total",
		"Counter of the queries answered from what is kept."))
	cacheMisses = promauto.NewCounter(counterOpts("cache_misses_total",
		"Counter of the queries that a server was asked for."))
	cacheEvictions = promauto.NewCounterVec(counterOpts("cache_evictions_total",
		"Counter of the questions that made room for others."), []string{"type"})
	cacheEntries = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: "pharos", Name: "cache_entries",
		Help: "Gauge of the questions whose answers are kept.",
	}, []string{"type"})
	cacheBytes = promauto.NewGauge(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: "pharos", Name: "cache_bytes",
		Help: "Gauge of the bytes that kept answers take.",
	})
	servedStale = promauto.NewCounter(counterOpts("served_stale_total",
		"Counter of the queries answered from what nobody vouches for any more, with no server left."))
	failures = promauto.NewCounter(counterOpts("failures_total",
		"Counter of the queries that no answer could be had for."))
	retries = promauto.NewCounter(counterOpts("retries_total",
		"Counter of the times that another server was asked."))
	changesSeen = promauto.NewCounterVec(counterOpts("changes_total",
		"Counter of the changes that servers announced."), []string{"to"})
	connections = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: "pharos", Name: "connections",
		Help: "Gauge of the open connections: 1 or 0 for each server.",
	}, []string{"to"})
	exchangeDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: "pharos", Name: "exchange_duration_seconds",
		Buckets: plugin.SlimTimeBuckets,
		Help:    "Histogram of the time a server took to answer.",
	}, []string{"to"})
)
