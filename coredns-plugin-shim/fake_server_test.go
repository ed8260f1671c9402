package pharos

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fakeServer speaks as pharos dns does, and lies, stalls and dies as a test tells it.
type fakeServer struct {
	t        *testing.T
	address  string
	listener net.Listener

	mu         sync.Mutex
	conns      map[net.Conn]bool
	epoch      uint64
	generation uint64
	missed     []uint32 // what is told to a session that is taken up again
	resume     bool
	plain      bool // knows no sessions
	silent     bool // reads, and says nothing
	asked      []asked
	rcode      int
	address4   string // of the A records it answers with
	keep       bool
	period     uint32
	ede        bool
	records    int
}

type asked struct {
	name   string
	turn   uint32
	client net.IP
}

func startFake(t *testing.T, address string) *fakeServer {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{
		t: t, listener: listener, address: listener.Addr().String(), conns: map[net.Conn]bool{},
		epoch: 1, generation: 1, keep: true, period: 1, address4: "10.0.0.1", records: 1,
	}
	go func() {
		for {
			nc, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[nc] = true
			s.mu.Unlock()
			go s.serve(nc)
		}
	}()
	t.Cleanup(s.kill)
	return s
}

// kill ends the server as a machine that is switched off would, with a word to its peers.
func (s *fakeServer) kill() {
	s.listener.Close()
	s.cut()
}

// cut ends all connections.
func (s *fakeServer) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.conns {
		nc.Close()
	}
	s.conns = map[net.Conn]bool{}
}

func (s *fakeServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *fakeServer) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *fakeServer) serve(nc net.Conn) {
	r := bufio.NewReader(nc)
	for {
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(r, msg); err != nil {
			return
		}
		s.mu.Lock()
		if !s.silent {
			send(nc, s.respond(msg))
		}
		s.mu.Unlock()
	}
}

func send(nc net.Conn, msg []byte) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(msg)))
	nc.Write(append(framed, msg...))
}

// respond is called with the lock held.
func (s *fakeServer) respond(msg []byte) []byte {
	id := binary.BigEndian.Uint16(msg)
	if isDSO(msg) {
		header := []byte{byte(id >> 8), byte(id), 0x80 | opcodeDSO<<3, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		tlv, data, _ := primaryTLV(msg)
		switch {
		case s.plain:
			header[3] = dns.RcodeNotImplemented
			return header
		case tlv == tlvProbe:
			return header
		}
		resumed := s.resume && binary.BigEndian.Uint64(data[1:]) == s.epoch
		body := []byte{sessionVersion, 0}
		if resumed {
			body[1] = flagResumed
		}
		body = binary.BigEndian.AppendUint64(body, s.epoch)
		body = binary.BigEndian.AppendUint64(body, s.generation)
		body = binary.BigEndian.AppendUint32(body, uint32(s.generation))
		for _, id := range s.missed {
			body = binary.BigEndian.AppendUint32(body, id)
		}
		out := appendDSO(nil, id, tlvSession, body)
		out[2] |= 0x80
		return out
	}
	q := new(dns.Msg)
	if err := q.Unpack(msg); err != nil {
		s.t.Errorf("the plugin sent a malformed query: %v", err)
		return nil
	}
	data := q.IsEdns0().Option[0].(*dns.EDNS0_LOCAL).Data
	turn := binary.BigEndian.Uint32(data[1:])
	s.asked = append(s.asked, asked{q.Question[0].Name, turn, net.IP(data[6:])})

	m := new(dns.Msg)
	m.SetRcode(q, s.rcode)
	m.Authoritative = true
	m.Compress = true
	name := q.Question[0].Name
	if s.rcode == dns.RcodeSuccess {
		ip := net.ParseIP(s.address4).To4()
		for n := range s.records {
			address := net.IPv4(ip[0], ip[1], byte(n), ip[3]+byte(turn%s.period))
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}, A: address})
		}
	}
	m.SetEdns0(1232, false)
	option := []byte{optionVersion, 0}
	if s.keep {
		option[1] = flagKeep
	}
	option = binary.BigEndian.AppendUint64(option, s.generation)
	option = binary.BigEndian.AppendUint32(option, dependencyOf(name))
	option = binary.BigEndian.AppendUint32(option, s.period)
	option = append(option, 0, 0)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: optionCode, Data: option}}
	if s.ede {
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: 22, ExtraText: "west: drained"})
	}
	out, err := m.Pack()
	if err != nil {
		s.t.Errorf("the fake server cannot answer: %v", err)
	}
	return out
}

// dependencyOf is what the answers for a name depend on: its first letter.
func dependencyOf(name string) uint32 { return uint32(name[0]) }

// change announces that answers have changed, up to a new generation.
func (s *fakeServer) change(all bool, ids ...uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	body := []byte{0}
	if all {
		body[0] = flagAll
	}
	body = binary.BigEndian.AppendUint64(body, s.generation)
	body = binary.BigEndian.AppendUint32(body, uint32(s.generation))
	for _, id := range ids {
		body = binary.BigEndian.AppendUint32(body, id)
	}
	for nc := range s.conns {
		send(nc, appendDSO(nil, 0, tlvChanged, body))
	}
}

// eventually waits until ok says so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
