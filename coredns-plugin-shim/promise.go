package pharos

import (
	"sync/atomic"
	"time"
)

// slots is how many groups dependencies fall into. Two in one group are dropped together: that costs a
// question, never a wrong answer, and so no list of what is kept has to be held in step.
const slots = 1 << 16

const (
	promiseHolds int32 = iota
	// promiseLost: the connection is gone; what was kept is stale until the session is taken up again.
	promiseLost
	// promiseOver: the server began anew, or cannot say what was missed. Nothing of it is of use any more.
	promiseOver
)

// promise is a server's word that it announces changes, for as long as one process of it runs.
type promise struct {
	epoch uint64
	state atomic.Int32
	// lostAt is when the connection was lost, in nanoseconds since 1970.
	lostAt atomic.Int64
	// generation is up to where changes are known.
	generation atomic.Uint64
	serial     atomic.Uint32
	// flushed and changed are the generations at which everything, or something of a slot, changed last.
	flushed atomic.Uint64
	changed [slots]atomic.Uint64
}

func newPromise(w welcome) *promise {
	p := &promise{epoch: w.epoch}
	p.generation.Store(w.generation)
	p.serial.Store(w.serial)
	return p
}

// learn takes in an announcement. Only one goroutine at a time calls it.
func (p *promise) learn(c changes) {
	if c.all {
		p.flushed.Store(c.generation)
	}
	c.each(func(id uint32) { p.changed[id%slots].Store(c.generation) })
	p.serial.Store(c.serial)
	p.generation.Store(c.generation)
}

// unchanged says whether nothing was announced that the answer depends on since it was given. It compares
// generations, so it does not matter whether the announcement came before the answer or after it.
func (p *promise) unchanged(a *answer) bool {
	return p.flushed.Load() <= a.generation &&
		(a.dependency == 0 || p.changed[a.dependency%slots].Load() <= a.generation)
}

// current says whether the answer is what its server would give now.
func (a *answer) current() bool {
	return a.keep && a.promise.state.Load() == promiseHolds && a.promise.unchanged(a)
}

// staleSince says since when nobody has vouched for the answer; ok = false where it is of no use any more.
func (a *answer) staleSince() (since time.Time, ok bool) {
	if !a.keep || a.promise.state.Load() != promiseLost || !a.promise.unchanged(a) {
		return since, false
	}
	return time.Unix(0, a.promise.lostAt.Load()), true
}
