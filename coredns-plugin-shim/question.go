package pharos

import (
	"strings"

	"github.com/miekg/dns"
)

// question is what is asked: equal for equal questions.
type question struct {
	name  string // fully qualified, lower case
	qtype uint16
}

// appendName appends a name in wire form.
func appendName(b []byte, name string) ([]byte, error) {
	if strings.IndexByte(name, '\\') >= 0 || name == "." {
		var room [256]byte
		n, err := dns.PackDomainName(name, room[:], 0, nil, false)
		if err != nil {
			return nil, err
		}
		return append(b, room[:n]...), nil
	}
	if len(name) > 254 {
		return nil, errName
	}
	for len(name) > 0 {
		end := strings.IndexByte(name, '.')
		if end <= 0 || end > 63 {
			return nil, errName
		}
		b = append(b, byte(end))
		b = append(b, name[:end]...)
		name = name[end+1:]
	}
	return append(b, 0), nil
}

// appendQuestion appends a question of class IN in wire form.
func appendQuestion(b []byte, name string, qtype uint16) ([]byte, error) {
	b, err := appendName(b, name)
	if err != nil {
		return nil, err
	}
	return append(b, byte(qtype>>8), byte(qtype), 0, dns.ClassINET), nil
}
