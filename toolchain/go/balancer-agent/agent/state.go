package agent

import (
	"errors"
	"math"
	"time"

	"altostratus/toolchain/balancer-agent/cluster"
	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
)

// State is the answer of GET /v1/state.
type State struct {
	Version   int                              `json:"version"`
	Balancer  string                           `json:"balancer"`
	Replica   string                           `json:"replica"`
	Driver    string                           `json:"driver"`
	Time      float64                          `json:"time"`
	StartedAt float64                          `json:"startedAt"`
	Ready     bool                             `json:"ready"`
	Draining  bool                             `json:"draining"`
	Problem   string                           `json:"problem"`
	Config    ConfigState                      `json:"config"`
	Program   ProgramState                     `json:"program"`
	Source    cluster.Status                   `json:"source"`
	Control   controlStatus                    `json:"control"`
	Unrouted  uint64                           `json:"unrouted"`
	Refused   figures.Refused                  `json:"refused"`
	Splits    map[string]map[string]SplitState `json:"splits"`
	Clusters  map[string]*BackendState         `json:"clusters"`
	Backends  map[string]*BackendState         `json:"backends"`
}

// ConfigState is the configuration in force.
type ConfigState struct {
	Hash     string   `json:"hash"`
	LoadedAt float64  `json:"loadedAt"`
	Refused  *Refusal `json:"refused"`
}

// ProgramState is HAProxy or nginx.
type ProgramState struct {
	Pid       int     `json:"pid"`
	StartedAt float64 `json:"startedAt"`
	Restarts  int     `json:"restarts"`
	Reloads   int     `json:"reloads"`
	LastExit  string  `json:"lastExit"`
}

// SplitState is a backend's part of a split.
type SplitState struct {
	Weight int     `json:"weight"`
	Share  float64 `json:"share"`
}

// Latency is a histogram; counts are not cumulative, and one more than bounds.
type Latency struct {
	Bounds []float64 `json:"bounds"`
	Counts []uint64  `json:"counts"`
	Sum    float64   `json:"sum"`
}

// Recent is what happened in the last seconds.
type Recent struct {
	Seconds   int     `json:"seconds"`
	Rate      float64 `json:"rate"`
	ErrorRate float64 `json:"errorRate"`
	P50       float64 `json:"p50"`
	P90       float64 `json:"p90"`
	P99       float64 `json:"p99"`
}

// BackendState is a backend, or all backends of a cluster.
type BackendState struct {
	Cluster      string                  `json:"cluster"`
	Cloud        string                  `json:"cloud"`
	InFlight     program.InFlight        `json:"inFlight"`
	Requests     uint64                  `json:"requests"`
	Errors       figures.Errors          `json:"errors"`
	Refused      figures.Refused         `json:"refused"`
	Retries      uint64                  `json:"retries"`
	Latency      Latency                 `json:"latency"`
	Recent       Recent                  `json:"recent"`
	WaitingSince *float64                `json:"waitingSince"`
	Maintenance  *string                 `json:"maintenance"`
	Members      map[string]*MemberState `json:"members"`

	count  figures.Count
	recent figures.Recent
}

// MemberState is one member.
type MemberState struct {
	Address  string           `json:"address"`
	State    string           `json:"state"`
	Since    float64          `json:"since"`
	InFlight program.InFlight `json:"inFlight"`
	Requests uint64           `json:"requests"`
	Errors   figures.Errors   `json:"errors"`
	Latency  Latency          `json:"latency"`
}

// State looks at everything now.
func (a *Agent) State() (*State, error) {
	problem := a.Ready()
	if a.driver.Process() == nil {
		return nil, errors.New("nothing runs yet")
	}
	samples, err := a.driver.Samples()
	if err != nil && problem == nil {
		problem = err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.loaded.hash == "" {
		return nil, errors.New("nothing is loaded yet")
	}
	now := time.Now()
	found := &State{
		Version: 1, Balancer: a.loaded.model.Name, Replica: a.settings.Replica, Driver: a.loaded.model.Driver,
		Time: unix(now), StartedAt: unix(a.started), Ready: problem == nil, Draining: a.draining,
		Config:  ConfigState{a.loaded.hash, unix(a.loadedAt), a.refused},
		Control: a.controls,
		Splits:  map[string]map[string]SplitState{}, Clusters: map[string]*BackendState{},
		Backends: map[string]*BackendState{},
	}
	if problem != nil {
		found.Problem = problem.Error()
	}
	if process := a.driver.Process(); process != nil {
		found.Program = ProgramState{process.Pid, unix(process.Started), a.restarts, a.reloads, a.lastExit}
	}
	if a.source != nil {
		found.Source = a.source.Status()
	} else if a.next != nil {
		found.Source = a.next.Status()
	}
	found.Unrouted, found.Refused = a.book.Unrouted()
	for name, parts := range a.table.Splits {
		found.Splits[name] = map[string]SplitState{}
		for _, part := range parts {
			found.Splits[name][part.Backend] = SplitState{part.Weight, part.Part}
		}
	}
	for key, backend := range a.loaded.model.Backends {
		state := a.backendState(now, backend, samples[backend.Name])
		found.Backends[key] = state
		if backend.Cloud == "" {
			addTo(found.Clusters, backend.Cluster, state)
		}
	}
	for _, states := range []map[string]*BackendState{found.Backends, found.Clusters} {
		for _, state := range states {
			state.finish()
		}
	}
	return found, nil
}

func (a *Agent) backendState(now time.Time, backend *model.Backend, sample program.Sample) *BackendState {
	count, recent := a.book.Backend(now, backend.Name)
	state := &BackendState{
		Cluster: backend.Cluster, Cloud: backend.Cloud, InFlight: sample.InFlight,
		Members: map[string]*MemberState{}, count: count, recent: recent,
	}
	if since, waits := a.waiting[backend.Name]; waits && a.serving(backend, a.table) == 0 {
		at := unix(since)
		state.WaitingSince = &at
	}
	if text := a.table.Maintenance[backend.Name]; text != "" {
		state.Maintenance = &text
	}
	for _, member := range a.table.Members[backend.Name] {
		own, seen := sample.Members[member.ID]
		count := a.book.Member(backend.Name, member.ID)
		state.Members[member.ID] = &MemberState{
			Address: member.Address(), State: memberState(member, own, seen), Since: unix(member.Since),
			InFlight: own.InFlight, Requests: count.Requests, Errors: count.Errors, Latency: latency(count.Latency),
		}
	}
	return state
}

func memberState(member members.Member, own program.MemberSample, seen bool) string {
	switch {
	case member.State != members.Serving:
		return string(member.State)
	case !seen || own.Health == program.Starting || own.Health == program.Closed:
		return "starting"
	case own.Health == program.Down:
		return "down"
	default:
		return "serving"
	}
}

func addTo(clusters map[string]*BackendState, id string, state *BackendState) {
	into := clusters[id]
	if into == nil {
		into = &BackendState{Cluster: id, Members: map[string]*MemberState{}}
		into.count.Latency, into.recent.Latency = figures.NewHistogram(), figures.NewHistogram()
		clusters[id] = into
	}
	into.InFlight.Serving += state.InFlight.Serving
	into.InFlight.Queued += state.InFlight.Queued
	into.count.Merge(state.count)
	into.recent.Requests += state.recent.Requests
	into.recent.Failed += state.recent.Failed
	into.recent.Latency.Merge(state.recent.Latency)
	if state.WaitingSince != nil && (into.WaitingSince == nil || *state.WaitingSince < *into.WaitingSince) {
		into.WaitingSince = state.WaitingSince
	}
	if state.Maintenance != nil {
		into.Maintenance = state.Maintenance
	}
	for id, member := range state.Members {
		if known := into.Members[id]; known != nil { // the same Pod on another port
			copied := *known
			copied.InFlight.Serving += member.InFlight.Serving
			copied.InFlight.Queued += member.InFlight.Queued
			copied.Requests += member.Requests
			into.Members[id] = &copied
			continue
		}
		into.Members[id] = member
	}
}

// finish computes what readers see from what was counted.
func (s *BackendState) finish() {
	s.Requests, s.Errors, s.Refused = s.count.Requests, s.count.Errors, s.count.Refused
	s.Retries, s.Latency = s.count.Retries, latency(s.count.Latency)
	recent := s.recent
	s.Recent = Recent{
		Seconds: figures.Window, Rate: round(float64(recent.Requests) / figures.Window),
		P50: round(recent.Latency.Quantile(0.5)), P90: round(recent.Latency.Quantile(0.9)),
		P99: round(recent.Latency.Quantile(0.99)),
	}
	if recent.Requests > 0 {
		s.Recent.ErrorRate = round(float64(recent.Failed) / float64(recent.Requests))
	}
}

func latency(histogram figures.Histogram) Latency {
	return Latency{figures.Bounds, histogram.Counts, round(histogram.Sum)}
}

func round(value float64) float64 { return math.Round(value*1e6) / 1e6 }
