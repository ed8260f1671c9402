package pharos

import "errors"

var (
	errName     = errors.New("not a domain name")
	errAnswer   = errors.New("malformed answer")
	errSession  = errors.New("malformed session message")
	errBusy     = errors.New("too many questions are outstanding on the connection")
	errClosed   = errors.New("the connection was closed")
	errLeaving  = errors.New("the server is closing")
	errSilent   = errors.New("no sign of life within the deadline")
	errTimeout  = errors.New("no answer in time")
	errNoServer = errors.New("no pharos dns server can be reached")
)
