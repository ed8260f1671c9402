package pharos

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxOutstanding bounds the questions that wait on one connection, and with them its memory.
	maxOutstanding = 4096
	writeDeadline  = 5 * time.Second
	bufferSize     = 64 * 1024
)

// conn is one connection to a server, with any number of questions under way on it (RFC 7766, 6.2.1.1).
type conn struct {
	nc net.Conn
	in *bufio.Reader
	// promise is the server's; nil where it gives none. Set once, before the connection is used.
	promise *promise

	outstanding atomic.Int64
	// heard is when something came last, in nanoseconds since 1970.
	heard  atomic.Int64
	writes chan []byte
	closed chan struct{}
	// leaving is closed when the server asks to go elsewhere: nothing new is asked then.
	leaving chan struct{}

	leave sync.Once

	mu      sync.Mutex
	pending map[uint16]chan []byte // id → where its answer goes
	lastID  uint16
	err     error // why it was closed
}

func newConn(nc net.Conn) *conn {
	c := &conn{
		nc:      nc,
		in:      bufio.NewReaderSize(nc, bufferSize),
		writes:  make(chan []byte, 256),
		closed:  make(chan struct{}),
		leaving: make(chan struct{}),
		pending: make(map[uint16]chan []byte),
	}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// close ends the connection, and all that waits on it with err. May be called again.
func (c *conn) close(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.closed)
	c.nc.Close()
}

func (c *conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// exchange sends the message that build makes of an id, and waits for the response to it.
func (c *conn) exchange(ctx context.Context, build func(id uint16) ([]byte, error)) (msg, query []byte, err error) {
	done := make(chan []byte, 1)
	id, err := c.register(done)
	if err != nil {
		return nil, nil, err
	}
	c.outstanding.Add(1)
	defer c.outstanding.Add(-1)
	defer c.forget(id)
	if query, err = build(id); err != nil {
		return nil, nil, err
	}
	framed := make([]byte, 2, 2+len(query))
	binary.BigEndian.PutUint16(framed, uint16(len(query)))
	select {
	case c.writes <- append(framed, query...):
	case <-c.closed:
		return nil, nil, c.reason()
	case <-ctx.Done():
		return nil, nil, errTimeout
	}
	select {
	case msg = <-done:
		return msg, query, nil
	case <-c.closed:
		// What came before the end counts.
		select {
		case msg = <-done:
			return msg, query, nil
		default:
			return nil, nil, c.reason()
		}
	case <-ctx.Done():
		return nil, nil, errTimeout
	}
}

func (c *conn) register(done chan []byte) (uint16, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if len(c.pending) >= maxOutstanding {
		return 0, errBusy
	}
	for {
		// Id 0 is that of unidirectional messages (RFC 8490, 5.4.1).
		c.lastID++
		if _, taken := c.pending[c.lastID]; !taken && c.lastID != 0 {
			c.pending[c.lastID] = done
			return c.lastID, nil
		}
	}
}

func (c *conn) forget(id uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// readMessage reads the next message, whatever it holds.
func (c *conn) readMessage() ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(c.in, length[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c.in, msg); err != nil {
		return nil, err
	}
	if len(msg) < headerSize {
		return nil, errAnswer
	}
	return msg, nil
}

// read takes in messages until the connection ends. Announcements go to learn, in the order they came in.
func (c *conn) read(learn func(changes)) {
	for {
		msg, err := c.readMessage()
		if err != nil {
			c.close(err)
			return
		}
		c.heard.Store(time.Now().UnixNano())
		if isDSO(msg) && msg[2]&0x80 == 0 {
			if err := c.announced(msg, learn); err != nil {
				c.close(err)
				return
			}
			continue
		}
		c.mu.Lock()
		done := c.pending[binary.BigEndian.Uint16(msg)]
		c.mu.Unlock()
		if done != nil {
			select {
			case done <- msg:
			default: // A second answer to one question is nobody's.
			}
		}
	}
}

// announced acts on what the server says without being asked.
func (c *conn) announced(msg []byte, learn func(changes)) error {
	tlv, _, err := primaryTLV(msg)
	if err != nil {
		return err
	}
	switch tlv {
	case tlvRetryDelay:
		c.leave.Do(func() { close(c.leaving) })
	case tlvChanged:
		change, err := parseChanges(msg)
		if err != nil {
			return err
		}
		learn(change)
	}
	// What is not known is no reason to do anything (RFC 8490, 5.4.3).
	return nil
}

// drain ends the connection when the questions that are under way have their answers, or have had the time for it.
func (c *conn) drain() {
	end := time.Now().Add(attemptTimeout)
	for c.outstanding.Load() > 0 && time.Now().Before(end) {
		select {
		case <-c.closed:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	c.close(errClosed)
}

// write sends what is queued until the connection ends; what is queued together leaves together.
func (c *conn) write() {
	w := bufio.NewWriterSize(c.nc, bufferSize)
	for {
		select {
		case <-c.closed:
			return
		case framed := <-c.writes:
			c.nc.SetWriteDeadline(time.Now().Add(writeDeadline))
			for more := true; more; {
				if _, err := w.Write(framed); err != nil {
					c.close(err)
					return
				}
				select {
				case framed = <-c.writes:
				default:
					more = false
				}
			}
			if err := w.Flush(); err != nil {
				c.close(err)
				return
			}
		}
	}
}
