package members

import (
	"cmp"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// State is what a member is for now.
type State string

// Serving members get requests; leaving ones (told by control) and draining ones finish what they have.
const (
	Serving  State = "serving"
	Leaving  State = "leaving"
	Draining State = "draining"
)

// Member is one member of one backend.
type Member struct {
	// ID is its name in the program: unique in its backend, also while a namesake is still draining.
	ID    string
	Name  string
	Host  string
	Port  int
	State State
	Since time.Time
	// Backup members serve only while no other of the backend does.
	Backup bool
	// Unchecked ones are never found to be down.
	Unchecked bool
	// Authority (PEM) and Verify say how its certificate is verified; empty: not at all.
	Authority string
	Verify    string
}

// Address is host:port.
func (m Member) Address() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// Tracker holds the members of one backend.
type Tracker struct {
	members map[string]*Member
}

// NewTracker is one without members.
func NewTracker() *Tracker { return &Tracker{members: map[string]*Member{}} }

// All members, by ID.
func (t *Tracker) All() []Member {
	found := make([]Member, 0, len(t.members))
	for _, member := range t.members {
		found = append(found, *member)
	}
	slices.SortFunc(found, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// Update brings in what endpoints there are now. Whoever is not ready, is terminating or is gone drains, and
// serves again when it is ready again.
func (t *Tracker) Update(now time.Time, endpoints []Endpoint, leaving []string) {
	wanted := map[string]State{}
	for _, endpoint := range endpoints {
		if !endpoint.Ready {
			continue
		}
		member := t.find(endpoint)
		if member == nil {
			member = t.add(now, endpoint)
		}
		wanted[member.ID] = Serving
		if slices.Contains(leaving, endpoint.Name) {
			wanted[member.ID] = Leaving
		}
	}
	for id, member := range t.members {
		state, ok := wanted[id]
		if !ok {
			state = Draining
		}
		if state != member.State {
			member.State, member.Since = state, now
		}
	}
}

// Forget removes a member that has finished.
func (t *Tracker) Forget(id string) { delete(t.members, id) }

func (t *Tracker) find(endpoint Endpoint) *Member {
	for _, member := range t.members {
		if member.Name == endpoint.Name && member.Host == endpoint.Host && member.Port == endpoint.Port &&
			member.Backup == endpoint.Backup && member.Unchecked == endpoint.Unchecked &&
			member.Authority == endpoint.Authority && member.Verify == endpoint.Verify {
			return member
		}
	}
	return nil
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

func (t *Tracker) add(now time.Time, endpoint Endpoint) *Member {
	base := unfit.ReplaceAllString(endpoint.Name, "_")
	id := base
	for number := 2; t.members[id] != nil; number++ {
		id = fmt.Sprintf("%s:%d", base, number)
	}
	member := &Member{
		ID: id, Name: endpoint.Name, Host: endpoint.Host, Port: endpoint.Port, State: Serving, Since: now,
		Backup: endpoint.Backup, Unchecked: endpoint.Unchecked,
		Authority: endpoint.Authority, Verify: endpoint.Verify,
	}
	t.members[id] = member
	return member
}
