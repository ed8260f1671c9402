package pharos

import (
	"context"
	"time"
)

// watch closes the connection when it has been silent for interval and a probe, sent then, was not answered
// within another interval. A peer that goes without a word, behind a partition or with its machine, is known
// by nothing else.
func (c *conn) watch(interval time.Duration) {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-timer.C:
		}
		quiet := time.Since(time.Unix(0, c.heard.Load()))
		if quiet < interval {
			timer.Reset(interval - quiet)
			continue
		}
		if !c.probe(interval) {
			c.close(errSilent)
			return
		}
		timer.Reset(interval)
	}
}

// probe says whether anything came within deadline after asking for a sign of life.
func (c *conn) probe(deadline time.Duration) bool {
	before := c.heard.Load()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	_, _, err := c.exchange(ctx, func(id uint16) ([]byte, error) { return appendProbe(nil, id), nil })
	return err == nil || err == errBusy || c.heard.Load() != before
}
