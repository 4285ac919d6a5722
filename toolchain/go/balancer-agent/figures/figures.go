package figures

import (
	"sync"
	"time"
)

// Window is how many seconds the recent figures cover.
const Window = 10

// By is who an answer that failed comes from.
type By string

// Who failed: nobody, the balancer, the member, or the client.
const (
	Nobody   By = ""
	Balancer By = "balancer"
	TheirOwn By = "member"
	Client   By = "client"
)

// Ended is one request that ended.
type Ended struct {
	Backend string // its name in the template; empty for a request without a route
	Member  string // its ID; empty where no member had it
	Seconds float64
	Failed  By
	// Unanswered: it failed, and no answer of a member was brought to its client in whole.
	Unanswered bool
	Reason     string // rate-limit, queue-full, ... or empty
	Retries    int
}

// Errors by who they come from.
type Errors struct {
	Balancer uint64 `json:"balancer"`
	Member   uint64 `json:"member"`
	Client   uint64 `json:"client"`
	// Unanswered are those of the first two that no member answered in whole (HAProxy only).
	Unanswered uint64 `json:"unanswered"`
}

func (e *Errors) add(by By, unanswered bool) {
	if unanswered && (by == Balancer || by == TheirOwn) {
		e.Unanswered++
	}
	switch by {
	case Balancer:
		e.Balancer++
	case TheirOwn:
		e.Member++
	case Client:
		e.Client++
	case Nobody:
	}
}

// Refused by why.
type Refused struct {
	Rate  uint64 `json:"rate"`
	Queue uint64 `json:"queue"`
}

// Count is what was counted of a backend or member.
type Count struct {
	Requests uint64
	Errors   Errors
	Refused  Refused
	Retries  uint64
	Latency  Histogram
}

func newCount() *Count { return &Count{Latency: NewHistogram()} }

func (c *Count) add(ended Ended) {
	c.Requests++
	c.Errors.add(ended.Failed, ended.Unanswered)
	c.Retries += uint64(max(ended.Retries, 0))
	c.Latency.Add(ended.Seconds)
	switch ended.Reason {
	case "rate-limit":
		c.Refused.Rate++
	case "queue-full":
		c.Refused.Queue++
	}
}

// Merge adds another one's counts.
func (c *Count) Merge(other Count) {
	c.Requests += other.Requests
	c.Errors.Balancer += other.Errors.Balancer
	c.Errors.Member += other.Errors.Member
	c.Errors.Client += other.Errors.Client
	c.Errors.Unanswered += other.Errors.Unanswered
	c.Refused.Rate += other.Refused.Rate
	c.Refused.Queue += other.Refused.Queue
	c.Retries += other.Retries
	c.Latency.Merge(other.Latency)
}

func (c *Count) copy() Count {
	found := *newCount()
	found.Merge(*c)
	return found
}

// Recent is what happened in the last seconds.
type Recent struct {
	Requests uint64
	Failed   uint64
	Latency  Histogram
}

type second struct {
	at     int64
	recent Recent
}

type backend struct {
	total   *Count
	members map[string]*Count
	seconds [Window]second
}

// Book keeps the counts of all backends; safe for use from several goroutines.
type Book struct {
	mutex    sync.Mutex
	backends map[string]*backend
	unrouted uint64
	refused  Refused
}

// NewBook is an empty one.
func NewBook() *Book { return &Book{backends: map[string]*backend{}} }

// Add one request that ended at a time.
func (b *Book) Add(now time.Time, ended Ended) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch ended.Reason {
	case "rate-limit":
		b.refused.Rate++
	case "queue-full":
		b.refused.Queue++
	}
	if ended.Backend == "" {
		if ended.Reason == "" || ended.Reason == "no-route" {
			b.unrouted++
		}
		return
	}
	found := b.backends[ended.Backend]
	if found == nil {
		found = &backend{total: newCount(), members: map[string]*Count{}}
		b.backends[ended.Backend] = found
	}
	found.total.add(ended)
	found.addRecent(now, ended)
	if ended.Member == "" {
		return
	}
	member := found.members[ended.Member]
	if member == nil {
		member = newCount()
		found.members[ended.Member] = member
	}
	member.add(ended)
}

func (b *backend) addRecent(now time.Time, ended Ended) {
	slot := &b.seconds[now.Unix()%Window]
	if slot.at != now.Unix() {
		*slot = second{at: now.Unix(), recent: Recent{Latency: NewHistogram()}}
	}
	slot.recent.Requests++
	if ended.Failed == Balancer || ended.Failed == TheirOwn {
		slot.recent.Failed++
	}
	slot.recent.Latency.Add(ended.Seconds)
}

// Backend tells a backend's counts, and those of the last seconds before the one that is running.
func (b *Book) Backend(now time.Time, name string) (Count, Recent) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	recent := Recent{Latency: NewHistogram()}
	found := b.backends[name]
	if found == nil {
		return *newCount(), recent
	}
	for _, slot := range found.seconds {
		if age := now.Unix() - slot.at; age >= 0 && age < Window {
			recent.Requests += slot.recent.Requests
			recent.Failed += slot.recent.Failed
			recent.Latency.Merge(slot.recent.Latency)
		}
	}
	return found.total.copy(), recent
}

// Member tells a member's counts.
func (b *Book) Member(backend, id string) Count {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if found := b.backends[backend]; found != nil && found.members[id] != nil {
		return found.members[id].copy()
	}
	return *newCount()
}

// Forget drops a member's counts once it is gone; the backend's stay.
func (b *Book) Forget(backend, id string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if found := b.backends[backend]; found != nil {
		delete(found.members, id)
	}
}

// Unrouted tells the requests that no route was for, and all that were refused.
func (b *Book) Unrouted() (uint64, Refused) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.unrouted, b.refused
}
