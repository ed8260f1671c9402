package pharos

// Ready implements the ready.Readiness interface: true when a server can be asked. The ready plugin asks until
// it is true once, so that CoreDNS gets no queries before it can answer them.
func (p *Pharos) Ready() bool { return p.pool.connected() }
