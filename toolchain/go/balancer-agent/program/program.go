// Package program says what the agent asks of HAProxy or nginx, and keeps their processes.
package program

import (
	"time"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/shares"
)

// Table is all that changes while the program runs.
type Table struct {
	// Members by the backend's name in the template.
	Members map[string][]members.Member
	// Splits in force, by name.
	Splits map[string][]shares.Share
	// Maintenance texts, by the backend's name.
	Maintenance map[string]string
}

// InFlight counts requests that have not ended.
type InFlight struct {
	Serving int `json:"serving"`
	Queued  int `json:"queued"`
}

// Health is what a program found out about a member.
type Health string

// Healths of a member in the program.
const (
	Up       Health = "up"
	Starting Health = "starting"
	Down     Health = "down"
	Closed   Health = "closed" // gets nothing new
)

// MemberSample is one member as the program sees it now.
type MemberSample struct {
	InFlight InFlight
	Health   Health
}

// Sample is one backend as the program sees it now.
type Sample struct {
	InFlight InFlight
	Members  map[string]MemberSample // by ID
}

// Settings are what a driver is made with.
type Settings struct {
	Folder string // working files
	Book   *figures.Book
	// Line takes what one line of the access log is made of; the program's fields are its own only during the call.
	Line func(facts LogFacts, fields []byte)
	// Replica is this Pod's name.
	Replica string
}

// Driver runs one kind of program. Its methods are called one at a time, but Samples.
type Driver interface {
	// Template is the file name of the driver's template.
	Template() string
	// Load takes a model and its template: renders, has it checked, and starts or reloads. On an error
	// nothing has changed.
	Load(told *model.Model, template string, table Table) error
	// Apply brings the running program in line with the table, and returns the IDs, by backend name, of
	// members that have finished and are out of the program.
	Apply(told *model.Model, table Table) (map[string][]string, error)
	// Samples asks the program how it is doing, by backend name. Safe at any time.
	Samples() (map[string]Sample, error)
	// Process that runs now; nil when none was started yet.
	Process() *Process
	// Restart starts the program anew after it ended by itself.
	Restart(told *model.Model, table Table) error
	// Stop ends gracefully: nothing new, then the end once the last request is done or the time is over.
	Stop(within time.Duration)
}
