package pharos

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
)

const (
	shards = 64
	// entryOverhead is what an entry takes beside the bytes of its answers.
	entryOverhead = 400
	// maxEntryBytes is what one question's answers may take: those beyond it are asked for.
	maxEntryBytes = 256 * 1024
	// maxPeriod is the most turns that are kept apart.
	maxPeriod = 4096
	// sampled is how many entries are looked at for one to make room.
	sampled = 5
)

// entry is the answers to one question, one per turn.
type entry struct {
	turn  atomic.Uint32
	used  atomic.Bool
	bytes atomic.Int64
	turns []atomic.Pointer[answer]
}

// next takes a turn of the question.
func (e *entry) next() uint32 {
	if !e.used.Load() {
		e.used.Store(true)
	}
	if len(e.turns) == 1 {
		return 0
	}
	return e.turn.Add(1) % uint32(len(e.turns))
}

func (e *entry) at(turn uint32) *answer { return e.turns[turn%uint32(len(e.turns))].Load() }

// any returns some answer that is of use while no server can be reached, for the turn if there is one.
func (e *entry) any(turn uint32) *answer {
	for offset := range e.turns {
		if a := e.at(turn + uint32(offset)); a != nil {
			if _, ok := a.staleSince(); ok || a.current() {
				return a
			}
		}
	}
	return nil
}

// cache keeps answers by question. Names that do not exist have a room of their own: there is no end of them,
// and so whoever asks for random ones drives out only such.
type cache struct {
	positive, denial *room
}

func newCache(positive, denial int, bytes int64) *cache {
	return &cache{positive: newRoom("success", positive, bytes), denial: newRoom("denial", denial, bytes/4)}
}

func (c *cache) get(q question) *entry {
	if e := c.positive.get(q); e != nil {
		return e
	}
	return c.denial.get(q)
}

// put keeps an answer, where it may be kept.
func (c *cache) put(q question, turn uint32, a *answer) {
	if !a.keep || a.period > maxPeriod {
		return
	}
	in, out := c.positive, c.denial
	if a.rcode == dns.RcodeNameError {
		in, out = out, in
	}
	out.remove(q)
	in.put(q, turn, a)
}

// room is a part of the cache with bounds of its own.
type room struct {
	kind     string
	capacity int64
	maxBytes int64
	entries  atomic.Int64
	bytes    atomic.Int64
	seed     maphash.Seed
	shards   [shards]shard
}

type shard struct {
	mu      sync.RWMutex
	entries map[question]*entry
	_       [32]byte // apart from its neighbours' locks
}

func newRoom(kind string, capacity int, bytes int64) *room {
	r := &room{kind: kind, capacity: int64(capacity), maxBytes: bytes, seed: maphash.MakeSeed()}
	for index := range r.shards {
		r.shards[index].entries = make(map[question]*entry)
	}
	return r
}

func (r *room) shard(q question) *shard {
	return &r.shards[(maphash.String(r.seed, q.name)^uint64(q.qtype))%shards]
}

func (r *room) get(q question) *entry {
	s := r.shard(q)
	s.mu.RLock()
	e := s.entries[q]
	s.mu.RUnlock()
	return e
}

func (r *room) remove(q question) {
	s := r.shard(q)
	s.mu.RLock()
	e := s.entries[q]
	s.mu.RUnlock()
	if e == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.drop(s, q)
}

// drop takes an entry out of a shard whose lock is held.
func (r *room) drop(s *shard, q question) {
	if e := s.entries[q]; e != nil {
		delete(s.entries, q)
		r.account(-1, -e.bytes.Load())
	}
}

func (r *room) account(entries, bytes int64) {
	cacheEntries.WithLabelValues(r.kind).Set(float64(r.entries.Add(entries)))
	r.bytes.Add(bytes)
	cacheBytes.Add(float64(bytes))
}

func (r *room) put(q question, turn uint32, a *answer) {
	if r.capacity == 0 {
		return
	}
	s := r.shard(q)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[q]
	if e == nil || uint32(len(e.turns)) != a.period {
		r.drop(s, q)
		// A turn's room is a pointer, whether an answer is in it or not.
		e = &entry{turns: make([]atomic.Pointer[answer], a.period)}
		size := int64(entryOverhead + 8*len(e.turns))
		if !r.makeRoom(s, size+int64(len(a.msg))) {
			return
		}
		e.bytes.Store(size)
		e.turn.Store(turn)
		s.entries[q] = e
		r.account(1, size)
	}
	at := &e.turns[turn%a.period]
	grown := int64(len(a.msg) + len(a.ede))
	if old := at.Load(); old != nil {
		if old.current() && old.generation > a.generation && old.promise == a.promise {
			return
		}
		grown -= int64(len(old.msg) + len(old.ede))
	}
	if e.bytes.Load()+grown > maxEntryBytes {
		return
	}
	at.Store(a)
	e.bytes.Add(grown)
	r.account(0, grown)
}

// makeRoom drops entries of the shard, preferably such as were not asked for since the last look or hold no
// longer, until there is room for one more of this size. The shard's lock is held.
func (r *room) makeRoom(s *shard, size int64) bool {
	for r.entries.Load() >= r.capacity || r.bytes.Load()+size > r.maxBytes {
		if len(s.entries) == 0 {
			// Others hold all there is: what is asked often will find room another time.
			return r.entries.Load() < r.capacity+shards && r.bytes.Load()+size <= r.maxBytes
		}
		var victim question
		looked := 0
		for q, e := range s.entries { // in random order
			victim = q
			if looked++; looked == sampled || !e.used.Swap(false) || !e.alive() {
				break
			}
		}
		r.drop(s, victim)
		cacheEvictions.WithLabelValues(r.kind).Inc()
	}
	return true
}

// alive says whether any answer can still be given, as current or as stale.
func (e *entry) alive() bool { return e.any(0) != nil }
