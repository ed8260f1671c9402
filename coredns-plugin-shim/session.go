package pharos

import "encoding/binary"

// DNS Stateful Operations (RFC 8490): the opcode, and TLVs of the range for private use (10.3).
const (
	opcodeDSO = 6

	// tlvRetryDelay asks to go elsewhere (RFC 8490, 7.2).
	tlvRetryDelay = 0x0002
	// tlvSession opens a session, or takes up one that was interrupted.
	tlvSession = 0xf801
	// tlvChanged announces what has changed. It comes from the server, unidirectional.
	tlvChanged = 0xf802
	// tlvProbe asks for a sign of life.
	tlvProbe = 0xf803

	sessionVersion = 1

	flagResumed = 1
	flagAll     = 1
)

// isDSO says whether a message is of a session, and no DNS answer.
func isDSO(msg []byte) bool { return len(msg) >= headerSize && msg[2]>>3&0x0f == opcodeDSO }

func appendDSO(b []byte, id uint16, tlv uint16, data []byte) []byte {
	b = append(b, byte(id>>8), byte(id), opcodeDSO<<3, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, tlv)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// appendSessionRequest appends the request for a session. Epoch and generation are what was known last; 0 = nothing.
func appendSessionRequest(b []byte, id uint16, epoch, generation uint64) []byte {
	var data [17]byte
	data[0] = sessionVersion
	binary.BigEndian.PutUint64(data[1:], epoch)
	binary.BigEndian.PutUint64(data[9:], generation)
	return appendDSO(b, id, tlvSession, data[:])
}

func appendProbe(b []byte, id uint16) []byte { return appendDSO(b, id, tlvProbe, nil) }

// primaryTLV returns the first TLV of a session's message: none in a response that is a code alone.
func primaryTLV(msg []byte) (tlv uint16, data []byte, err error) {
	if len(msg) < headerSize+4 {
		return 0, nil, errSession
	}
	end := headerSize + 4 + int(binary.BigEndian.Uint16(msg[headerSize+2:]))
	if end > len(msg) {
		return 0, nil, errSession
	}
	return binary.BigEndian.Uint16(msg[headerSize:]), msg[headerSize+4 : end], nil
}

// changes is what has changed up to a generation: the dependencies, or everything.
type changes struct {
	generation uint64
	serial     uint32
	all        bool
	ids        []byte // four bytes each
}

func (c changes) each(f func(id uint32)) {
	for ids := c.ids; len(ids) >= 4; ids = ids[4:] {
		f(binary.BigEndian.Uint32(ids))
	}
}

// welcome is a server's consent to a session.
type welcome struct {
	epoch uint64
	// resumed says that changes holds all that was missed since the generation that was asked for.
	resumed bool
	changes
}

// parseWelcome reads the response to a request for a session; ok = false where the server has none to give.
func parseWelcome(msg []byte) (w welcome, ok bool, err error) {
	if len(msg) < headerSize || msg[2]&0x80 == 0 {
		return w, false, errSession
	}
	if msg[3]&0x0f != 0 {
		return w, false, nil
	}
	tlv, data, err := primaryTLV(msg)
	if err != nil || tlv != tlvSession || len(data) < 22 || data[0] != sessionVersion || len(data)%4 != 2 {
		return w, false, errSession
	}
	w.resumed = data[1]&flagResumed != 0
	w.epoch = binary.BigEndian.Uint64(data[2:])
	w.generation = binary.BigEndian.Uint64(data[10:])
	w.serial = binary.BigEndian.Uint32(data[18:])
	w.ids = data[22:]
	return w, true, nil
}

// parseChanges reads an announcement.
func parseChanges(msg []byte) (c changes, err error) {
	tlv, data, err := primaryTLV(msg)
	if err != nil || tlv != tlvChanged || len(data) < 13 || len(data)%4 != 1 {
		return c, errSession
	}
	c.all = data[0]&flagAll != 0
	c.generation = binary.BigEndian.Uint64(data[1:])
	c.serial = binary.BigEndian.Uint32(data[9:])
	c.ids = data[13:]
	return c, nil
}
