package pharos

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"sync"

	"github.com/miekg/dns"
)

// What travels between this plugin and pharos dns beside plain DNS is in src/dns/shim-wire.ts, and described
// in docs/explanation/exact-cache.md of the project.
const (
	// optionCode is the EDNS option, of the range for local use (RFC 6891, 9), that questions carry the
	// client and the turn in, and answers what is promised about them.
	optionCode    = 65313
	optionVersion = 1

	typeOPT    = 41
	optionEDE  = 15
	headerSize = 12
	optSize    = 11
	// promiseSize is the length of the option in an answer.
	promiseSize = 20

	flagKeep = 1
)

// answer is what a server says to a question. It never changes, and any number of clients are answered from it.
type answer struct {
	// msg is the message without OPT; its id is 0.
	msg []byte
	// questionEnd and coreEnd are the offsets after the question and after the authority section: what stands
	// before coreEnd is sent whole or not at all.
	questionEnd, coreEnd int
	additionals          uint16
	rcode                int
	// ede is an Extended DNS Error option, code and length included; nil = none.
	ede []byte

	// keep says that the answer is good until the server announces a change of what it depends on.
	keep       bool
	generation uint64
	dependency uint32
	// period is after how many turns answers to the question repeat; at least 1.
	period uint32
	// serialAt is the offset of a SOA serial, which is the zone's own at any time; 0 = none.
	serialAt int
	// promise is of the server that keep is the word of; nil where keep is not set.
	promise *promise

	unpack  sync.Once
	message *dns.Msg
}

// appendQuery appends a query as servers get it.
func appendQuery(b []byte, id uint16, q question, turn uint32, client netip.Addr) ([]byte, error) {
	b = append(b, byte(id>>8), byte(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 1)
	b, err := appendQuestion(b, q.name, q.qtype)
	if err != nil {
		return nil, err
	}
	client = client.Unmap().WithZone("")
	address := client.AsSlice()
	family := byte(0)
	switch {
	case client.Is4():
		family = 1
	case client.Is6():
		family = 2
	}
	length := 6 + len(address)
	b = append(b, 0, 0, typeOPT, 0xff, 0xff, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(4+length))
	b = binary.BigEndian.AppendUint16(b, optionCode)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, optionVersion)
	b = binary.BigEndian.AppendUint32(b, turn)
	b = append(b, family)
	return append(b, address...), nil
}

// parseAnswer reads a server's response to a query that appendQuery made. The answer refers to msg, which it
// changes. Whatever msg holds, it does not panic, and what it accepts can be cut and patched at its offsets.
func parseAnswer(msg, query []byte) (*answer, error) {
	if len(msg) < headerSize || msg[2]&0xf8 != 0x80 || binary.BigEndian.Uint16(msg[4:]) != 1 {
		return nil, errAnswer
	}
	questionEnd := skipName(msg, headerSize)
	if questionEnd < 0 || questionEnd+4 > len(msg) {
		return nil, errAnswer
	}
	questionEnd += 4
	if questionEnd > len(query) || !bytes.Equal(msg[headerSize:questionEnd], query[headerSize:questionEnd]) {
		return nil, errAnswer
	}
	a := &answer{questionEnd: questionEnd, rcode: int(msg[3] & 0x0f), period: 1}
	core := int(binary.BigEndian.Uint16(msg[6:])) + int(binary.BigEndian.Uint16(msg[8:]))
	additionals := int(binary.BigEndian.Uint16(msg[10:]))
	at, opt := questionEnd, -1
	for index := range core + additionals {
		if index == core {
			a.coreEnd = at
		}
		if opt >= 0 {
			// OPT is the last record: so it can be cut off.
			return nil, errAnswer
		}
		owner := at
		at = skipName(msg, at)
		if at < 0 || at+10 > len(msg) {
			return nil, errAnswer
		}
		if binary.BigEndian.Uint16(msg[at:]) == typeOPT {
			if index < core || msg[owner] != 0 {
				return nil, errAnswer
			}
			opt = owner
		}
		at += 10 + int(binary.BigEndian.Uint16(msg[at+8:]))
		if at > len(msg) {
			return nil, errAnswer
		}
	}
	if at != len(msg) {
		return nil, errAnswer
	}
	if additionals == 0 {
		a.coreEnd = at
	}
	if opt >= 0 {
		if err := a.readOpt(msg[opt:]); err != nil {
			return nil, err
		}
		additionals--
		msg = msg[:opt:opt]
	}
	a.additionals = uint16(additionals)
	if a.serialAt != 0 && (a.serialAt < questionEnd || a.serialAt+4 > a.coreEnd) {
		return nil, errAnswer
	}
	// Cut answers, and such as are no answers, are never kept.
	if msg[2]&0x02 != 0 || (a.rcode != dns.RcodeSuccess && a.rcode != dns.RcodeNameError) {
		a.keep = false
	}
	msg[0], msg[1] = 0, 0
	msg[2] &^= 0x01
	binary.BigEndian.PutUint16(msg[10:], a.additionals)
	a.msg = msg
	return a, nil
}

// readOpt reads an OPT record that fills b.
func (a *answer) readOpt(b []byte) error {
	a.rcode |= int(b[5]) << 4
	options := b[optSize:]
	for len(options) > 0 {
		if len(options) < 4 {
			return errAnswer
		}
		end := 4 + int(binary.BigEndian.Uint16(options[2:]))
		if end > len(options) {
			return errAnswer
		}
		switch binary.BigEndian.Uint16(options) {
		case optionEDE:
			a.ede = bytes.Clone(options[:end])
		case optionCode:
			data := options[4:end]
			if len(data) != promiseSize || data[0] != optionVersion {
				return errAnswer
			}
			a.keep = data[1]&flagKeep != 0
			a.generation = binary.BigEndian.Uint64(data[2:])
			a.dependency = binary.BigEndian.Uint32(data[10:])
			a.period = max(binary.BigEndian.Uint32(data[14:]), 1)
			a.serialAt = int(binary.BigEndian.Uint16(data[18:]))
		}
		options = options[end:]
	}
	return nil
}

// skipName returns the offset after the name at at, or -1. A pointer leads backwards, so that nobody who
// follows it is caught in a loop.
func skipName(msg []byte, at int) int {
	start := at
	for at < len(msg) && at-start < 255 {
		label := int(msg[at])
		switch {
		case label == 0:
			return at + 1
		case label >= 0xc0:
			if at+2 > len(msg) || int(binary.BigEndian.Uint16(msg[at:])&0x3fff) >= start {
				return -1
			}
			return at + 2
		case label > 63:
			return -1
		}
		at += 1 + label
	}
	return -1
}
