package pharos

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"
)

var log = clog.NewWithPlugin("pharos")

const (
	dialTimeout  = 2 * time.Second
	firstBackOff = 20 * time.Millisecond
	lastBackOff  = 2 * time.Second
)

// server keeps one connection to one address of pharos dns, for as long as it runs.
type server struct {
	address  string
	tls      *tls.Config
	interval time.Duration
	// onUp is called whenever a connection has come up.
	onUp func()

	conn atomic.Pointer[conn] // nil while there is none
	stop context.CancelFunc
	done chan struct{}
	// draining are connections that nothing new is asked on.
	draining sync.WaitGroup

	// last is the promise of the last connection, to take up again. Of run alone.
	last *promise
}

func startServer(address string, config *tls.Config, interval time.Duration, onUp func()) *server {
	ctx, stop := context.WithCancel(context.Background())
	s := &server{address: address, tls: config, interval: interval, onUp: onUp, stop: stop, done: make(chan struct{})}
	go s.run(ctx)
	return s
}

// close lets what is under way end, and forgets what the server promised.
func (s *server) close() {
	s.stop()
	<-s.done
}

func (s *server) run(ctx context.Context) {
	defer close(s.done)
	backOff := firstBackOff
	told := false
	for ctx.Err() == nil {
		began := time.Now()
		c, err := s.connect(ctx)
		if err == nil {
			log.Infof("Connected to %s", s.address)
			told = false
			connections.WithLabelValues(s.address).Set(1)
			s.conn.Store(c)
			s.onUp()
			select {
			case <-c.closed:
				err = c.reason()
			case <-c.leaving:
				err = errLeaving
			case <-ctx.Done():
				err = errClosed
			}
			s.conn.Store(nil)
			connections.WithLabelValues(s.address).Set(0)
			// Nobody may be answered from what was kept once it is known that nobody vouches for it.
			if s.last != nil {
				s.last.lostAt.Store(time.Now().UnixNano())
				s.last.state.CompareAndSwap(promiseHolds, promiseLost)
			}
			s.draining.Go(c.drain)
		}
		if ctx.Err() != nil {
			break
		}
		if !told {
			log.Warningf("No connection to %s: %v; trying again until there is one", s.address, err)
			told = true
		}
		if time.Since(began) > lastBackOff {
			backOff = firstBackOff
		}
		select {
		case <-time.After(backOff/2 + rand.N(backOff)):
		case <-ctx.Done():
		}
		backOff = min(2*backOff, lastBackOff)
	}
	if s.last != nil {
		s.last.state.Store(promiseOver)
	}
	s.draining.Wait()
	connections.DeleteLabelValues(s.address)
}

// connect opens a connection and a session on it, where the server has sessions.
func (s *server) connect(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	nc, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := newConn(nc)
	deadline, _ := ctx.Deadline()
	nc.SetDeadline(deadline)
	if c.promise, err = s.open(c); err != nil {
		nc.Close()
		return nil, err
	}
	nc.SetDeadline(time.Time{})
	go c.write()
	go c.read(func(change changes) {
		if c.promise == nil {
			return
		}
		c.promise.learn(change)
		changesSeen.WithLabelValues(s.address).Add(float64(len(change.ids) / 4))
	})
	go c.watch(s.interval)
	return c, nil
}

func (s *server) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{}
	if s.tls == nil {
		return dialer.DialContext(ctx, "tcp", s.address)
	}
	return (&tls.Dialer{NetDialer: &dialer, Config: s.tls}).DialContext(ctx, "tcp", s.address)
}

// open asks for a session, before anything else is on the connection. A server that trusts this peer gives it
// a promise; one that does not, or knows no sessions, gives none, and answers all the same.
func (s *server) open(c *conn) (*promise, error) {
	var epoch, generation uint64
	if s.last != nil {
		epoch, generation = s.last.epoch, s.last.generation.Load()
	}
	request := appendSessionRequest([]byte{0, 0}, 1, epoch, generation)
	binary.BigEndian.PutUint16(request, uint16(len(request)-2))
	if _, err := c.nc.Write(request); err != nil {
		return nil, err
	}
	msg, err := c.readMessage()
	if err != nil {
		return nil, err
	}
	w, ok, err := parseWelcome(msg)
	if err != nil {
		return nil, err
	}
	if s.last != nil && (!ok || !w.resumed || w.epoch != epoch) {
		s.last.state.Store(promiseOver)
		s.last = nil
	}
	if !ok {
		log.Warningf("%s gives no promises: it is no pharos dns, or does not trust this peer (--trust-proxy); nothing of it is kept", s.address)
		return nil, nil
	}
	if s.last == nil {
		s.last = newPromise(w)
	} else {
		s.last.learn(w.changes)
		s.last.state.Store(promiseHolds)
	}
	return s.last, nil
}
