package agent

import (
	"fmt"
	"log"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"altostratus/toolchain/balancer-agent/cluster"
	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
	"altostratus/toolchain/balancer-agent/shares"
)

const (
	tick          = 200 * time.Millisecond
	filesEvery    = time.Second
	restartAtMost = 10 * time.Second
	reloadWaits   = 30 * time.Second
	// Who asks the API server's proxies for us has heard of the end after this long.
	lameDuck = 5 * time.Second
)

// Agent keeps one balancer.
type Agent struct {
	settings Settings
	driver   program.Driver
	book     *figures.Book
	clients  *cluster.Clients
	wake     chan struct{}
	started  time.Time

	readiness atomic.Pointer[error] // as last found

	mutex    sync.Mutex // guards all below
	loaded   configuration
	loadedAt time.Time
	refused  *Refusal
	source   *cluster.Source
	next     *cluster.Source // takes over once it is in the picture
	control  *model.Control
	controls controlStatus
	trackers map[string]*members.Tracker // by backend name
	table    program.Table
	applied  bool
	problem  string // why not
	draining bool
	restarts int
	reloads  int
	lastExit string
	waiting  map[string]time.Time      // since when requests wait at a backend without members
	samples  map[string]program.Sample // as the program said at the last turn
	synced   bool
}

// Refusal is a configuration that was not taken.
type Refusal struct {
	At     float64 `json:"at"`
	Hash   string  `json:"hash"`
	Reason string  `json:"reason"`
}

type controlStatus struct {
	Hash    string `json:"hash"`
	Problem string `json:"problem"`
}

// New makes an agent; nothing runs yet.
func New(settings Settings, driver program.Driver, book *figures.Book, clients *cluster.Clients) *Agent {
	return &Agent{
		settings: settings, driver: driver, book: book, clients: clients, started: time.Now(),
		wake: make(chan struct{}, 1), control: &model.Control{}, trackers: map[string]*members.Tracker{},
		waiting: map[string]time.Time{},
	}
}

// Wake has the loop look at everything at once.
func (a *Agent) Wake() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Run keeps the balancer until `stop` is closed, then ends it gracefully. The error says why it never served.
func (a *Agent) Run(stop <-chan struct{}) error {
	if err := a.begin(stop); err != nil {
		return err
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	files := time.Now()
	for {
		select {
		case <-stop:
			a.end()
			return nil
		case <-a.driver.Process().Done():
			if !a.revive(stop) {
				a.end()
				return nil
			}
		case <-a.wake:
		case <-ticker.C:
		}
		if time.Since(files) >= filesEvery {
			files = time.Now()
			a.readFiles()
		}
		a.turn()
	}
}

// begin waits a moment for the first endpoints, so that the first requests find members.
func (a *Agent) begin(stop <-chan struct{}) error {
	found, err := readConfiguration(a.settings, a.driver.Template())
	if err != nil {
		return err
	}
	a.recall(found.model)
	a.watch(found.model)
	patience := time.After(3 * time.Second)
	for waits := true; waits && a.next != nil && !a.next.Synced(); {
		select {
		case <-stop:
			return nil
		case <-patience:
			waits = false
		case <-a.wake:
		case <-time.After(50 * time.Millisecond):
		}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.loaded.model = found.model
	a.follow()
	if err := a.driver.Load(found.model, found.template, a.table); err != nil {
		return err
	}
	a.loaded, a.loadedAt = found, time.Now()
	log.Printf("%s runs with configuration %s", a.driver.Template(), found.hash)
	return nil
}

// watch begins to follow what a model names; what is followed now stays until all of it is known.
func (a *Agent) watch(told *model.Model) {
	if a.clients == nil {
		return
	}
	if a.next != nil {
		a.next.Stop()
	}
	a.next = cluster.Start(a.clients, told, a.Wake)
}

// turn brings everything in line with what is told now.
func (a *Agent) turn() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.follow()
	finished, err := a.driver.Apply(a.loaded.model, a.table)
	if err != nil {
		if a.problem != err.Error() { // once, not at every turn
			log.Printf("the program is not in line: %v", err)
		}
		a.applied, a.problem = false, err.Error()
	} else {
		a.applied, a.problem = true, ""
	}
	for name, ids := range finished {
		for _, id := range ids {
			log.Printf("member %s of %s is out", id, name)
			a.trackers[name].Forget(id)
			a.book.Forget(name, id)
		}
	}
	a.watchWaiting()
}

// follow computes the table from endpoints and control data.
func (a *Agent) follow() {
	if a.next != nil && a.next.Synced() {
		if a.source != nil {
			a.source.Stop()
		}
		a.source, a.next, a.synced = a.next, nil, true
	}
	a.readControlData()
	now, told := time.Now(), a.loaded.model
	table := program.Table{
		Members: map[string][]members.Member{}, Splits: map[string][]shares.Share{}, Maintenance: map[string]string{},
	}
	for _, backend := range told.Backends {
		tracker := a.trackers[backend.Name]
		if tracker == nil {
			tracker = members.NewTracker()
			a.trackers[backend.Name] = tracker
		}
		if endpoints, known := a.endpoints(backend); known {
			tracker.Update(now, endpoints, a.control.Leaving)
		}
		table.Members[backend.Name] = tracker.All()
		if a.control.Maintenance[backend.Key] != "" {
			spare(table.Members[backend.Name])
		}
	}
	for name, told := range told.Splits {
		table.Splits[name] = shares.InForce(name, told, a.control, func(key string) int {
			return a.serving(a.loaded.model.Backends[key], table)
		})
	}
	for key, text := range a.control.Maintenance {
		if backend := told.Backends[key]; backend != nil {
			table.Maintenance[backend.Name] = text
		}
	}
	changed := describe(a.table) != describe(table)
	a.table = table
	if changed {
		a.remember()
	}
}

// spare has members get nothing new: their backend is in maintenance.
func spare(all []members.Member) {
	for i := range all {
		if all[i].State == members.Serving {
			all[i].State = members.Leaving
		}
	}
}

// serving counts the members that can take a request, as far as was known at the last turn. Those that stand
// by for others are not counted: they serve in another's name.
func (a *Agent) serving(backend *model.Backend, table program.Table) (count int) {
	if table.Maintenance[backend.Name] != "" {
		return 0
	}
	for _, member := range table.Members[backend.Name] {
		if member.State == members.Serving && !member.Backup && !a.fails(backend.Name, member.ID) {
			count++
		}
	}
	return count
}

// fails says whether a member did not pass its checks when the program was last asked.
func (a *Agent) fails(backend, id string) bool {
	sample, known := a.samples[backend].Members[id]
	return known && (sample.Health == program.Down || sample.Health == program.Starting)
}

// endpoints of a backend; not known while the API server has never answered, and then nothing changes.
func (a *Agent) endpoints(backend *model.Backend) ([]members.Endpoint, bool) {
	if backend.Service == nil {
		addresses := backend.Addresses
		if over, ok := a.control.Addresses[backend.Key]; ok {
			addresses = over
		}
		return members.FromAddresses(addresses), true
	}
	if a.source == nil {
		return nil, false
	}
	found := members.FromSlices(a.source.Slices(*backend.Service), backend.Service.Port)
	return append(found, members.FromAddresses(a.control.Further[backend.Key])...), true
}

// revive starts the program again after it ended by itself; false when it is time to stop.
func (a *Agent) revive(stop <-chan struct{}) bool {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, restartAtMost) {
		a.mutex.Lock()
		a.lastExit = a.driver.Process().Result()
		a.restarts++
		log.Printf("the program ended (%s) and is started again", a.lastExit)
		err := a.driver.Restart(a.loaded.model, a.table)
		a.mutex.Unlock()
		if err == nil {
			return true
		}
		log.Printf("it does not start: %v", err)
		select {
		case <-stop:
			return false
		case <-time.After(pause):
		}
	}
}

// end first lets everybody hear that this replica takes nothing new, and then finishes what it has.
func (a *Agent) end() {
	a.mutex.Lock()
	a.draining = true
	within := a.loaded.model.Draining.Duration()
	a.mutex.Unlock()
	log.Printf("ending: open requests may take %s", within)
	calm := time.After(min(lameDuck, within))
	for waits := true; waits; {
		select {
		case <-calm:
			waits = false
		case <-time.After(tick):
			a.turn() // members still come and go
		}
	}
	a.driver.Stop(within)
	log.Printf("ended")
}

// describe is equal for tables that are.
func describe(table program.Table) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(table.Members)) {
		for _, member := range table.Members[name] {
			fmt.Fprintln(&text, name, member.ID, member.Address(), member.State)
		}
	}
	return text.String()
}

func unix(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
