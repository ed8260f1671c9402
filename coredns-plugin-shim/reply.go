package pharos

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

const (
	// udpSize is the size that is advertised, and the most that is sent over UDP whatever a client would take:
	// what passes every path unfragmented (DNS Flag Day 2020). pharos dns does the same.
	udpSize    = 1232
	classicUDP = 512
	codeStale  = 3
	codeNone   = 22
	bufferRoom = 2048
)

var buffers = sync.Pool{New: func() any { return new([bufferRoom]byte) }}

// ede makes an Extended DNS Error option (RFC 8914).
func ede(code uint16, text string) []byte {
	b := make([]byte, 0, 6+len(text))
	b = binary.BigEndian.AppendUint16(b, optionEDE)
	b = binary.BigEndian.AppendUint16(b, uint16(2+len(text)))
	b = binary.BigEndian.AppendUint16(b, code)
	return append(b, text...)
}

// render appends the response to r: the answer with the query's id and spelling, cut to limit as the server
// would cut it. Where it is over the limit, first the text of an Extended DNS Error goes, then the additional
// section (RFC 2181, 9: neither is reason for TC); an answer that still does not fit is not sent in parts.
func (a *answer) render(b []byte, r *dns.Msg, limit int, option []byte) ([]byte, error) {
	opt := r.IsEdns0()
	end, additionals := len(a.msg), a.additionals
	flags := a.msg[2]
	truncated := false
	if opt != nil {
		if end+optSize+len(option) > limit {
			option = nil
		}
		limit -= optSize + len(option)
	}
	if end > limit {
		end, additionals = a.coreEnd, 0
		if end > limit {
			end, truncated = a.questionEnd, true
			flags |= 0x02
		}
	}
	start := len(b)
	b = append(b, a.msg[:end]...)
	out := b[start:]
	out[0], out[1] = byte(r.Id>>8), byte(r.Id)
	out[2] = flags
	if r.RecursionDesired {
		out[2] |= 0x01
	}
	if truncated {
		clear(out[6:headerSize])
	}
	// RFC 1035 lets a server change the case of the question; resolvers that check it (0x20) do not.
	var room [256]byte
	name, err := appendName(room[:0], r.Question[0].Name)
	if err != nil || len(name) != a.questionEnd-headerSize-4 {
		return nil, errName
	}
	copy(out[headerSize:], name)
	if a.serialAt != 0 && !truncated && a.promise != nil && a.promise.state.Load() == promiseHolds {
		binary.BigEndian.PutUint32(out[a.serialAt:], a.promise.serial.Load())
	}
	if opt != nil {
		additionals++
	}
	binary.BigEndian.PutUint16(out[10:], additionals)
	if opt == nil {
		return b, nil
	}
	do := byte(0)
	if opt.Do() {
		do = 0x80
	}
	b = append(b, 0, 0, typeOPT, udpSize>>8, udpSize&0xff, byte(a.rcode>>4), 0, do, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(option)))
	return append(b, option...), nil
}

// write sends the answer to the client, with this Extended DNS Error option where it is not nil.
func (a *answer) write(w dns.ResponseWriter, r *dns.Msg, option []byte) error {
	limit := dns.MaxMsgSize
	if _, ok := w.RemoteAddr().(*net.UDPAddr); ok {
		limit = classicUDP
		if opt := r.IsEdns0(); opt != nil {
			limit = min(max(int(opt.UDPSize()), classicUDP), udpSize)
		}
	}
	if r.IsTsig() != nil || !a.record(w) {
		return a.writeMessage(w, r, option)
	}
	room := buffers.Get().(*[bufferRoom]byte)
	defer buffers.Put(room)
	b, err := a.render(room[:0], r, limit, option)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// writeMessage sends the answer as a message, for writers that look into it or change it.
func (a *answer) writeMessage(w dns.ResponseWriter, r *dns.Msg, option []byte) error {
	b, err := a.render(nil, r, dns.MaxMsgSize, option)
	if err != nil {
		return err
	}
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		return err
	}
	return w.WriteMsg(m)
}

// recorder is one who looks on, and what he reads of it.
type recorder struct {
	of    *dnstest.Recorder
	reads *answer
}

// record tells those who look on, metrics and log, what is about to be written in bytes. It says no where
// somebody is in between who would not see bytes, or where they would not be sent: then a message is due.
func (a *answer) record(w dns.ResponseWriter) bool {
	var recorders [4]recorder
	count := 0
	for {
		switch t := w.(type) {
		case *metrics.Recorder:
			if count == len(recorders) {
				return false
			}
			// It counts, and reads no message.
			recorders[count] = recorder{t.Recorder, nil}
			count++
			w = t.ResponseWriter
		case *dnstest.Recorder:
			if count == len(recorders) {
				return false
			}
			recorders[count] = recorder{t, a}
			count++
			w = t.ResponseWriter
		case *request.ScrubWriter:
			w = t.ResponseWriter
		default:
			// Of those that send, only the one of miekg/dns tells of its connection, and it takes bytes.
			if _, ok := w.(dns.ConnectionStater); !ok {
				return false
			}
			for _, recorder := range recorders[:count] {
				recorder.of.Rcode = a.rcode
				if recorder.reads != nil {
					recorder.of.Msg = a.parsed()
				}
			}
			return true
		}
	}
}

// parsed is the answer as a message, for reading only.
func (a *answer) parsed() *dns.Msg {
	a.unpack.Do(func() {
		a.message = new(dns.Msg)
		if a.message.Unpack(a.msg) != nil {
			a.message = nil
		}
	})
	return a.message
}

// failure is what is answered when there is no answer.
func writeFailure(w dns.ResponseWriter, r *dns.Msg, text string) error {
	m := new(dns.Msg)
	m.SetRcode(r, dns.RcodeServerFailure)
	if opt := r.IsEdns0(); opt != nil {
		m.SetEdns0(udpSize, opt.Do())
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: codeNone, ExtraText: text}}
	}
	return w.WriteMsg(m)
}

// staleOption is the error that a stale answer says so with.
func staleOption(since time.Time) []byte {
	return ede(codeStale, "no pharos dns server can be reached since "+since.UTC().Format(time.RFC3339))
}
