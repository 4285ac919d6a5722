package haproxy

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
	"altostratus/toolchain/balancer-agent/reasons"
)

const (
	binary      = "haproxy"
	startWithin = 20 * time.Second
)

//go:embed waiting.lua
var waitingLua string

// What HAProxy puts into the page when it answers.
const (
	reasonText = "%[var(txn.reason,unavailable),map(@REASONS@)]"
	noticeText = "%[var(txn.notice,)]"
)

// Driver runs HAProxy.
type Driver struct {
	settings program.Settings
	place    folder
	logs     *os.File // what HAProxy writes to
	log      *program.Log
	words    program.Words // of the log

	mutex      sync.Mutex // guards what Samples reads
	told       *model.Model
	generation int
	process    *program.Process
	former     []*program.Process // they finish what they have

	template string            // as last taken
	applied  map[string]string // the maps in the running process, joined
	trusted  map[string]bool   // the files of authorities that the running process knows
}

// New makes a driver with its working files in place, and takes in what HAProxy logs.
func New(settings program.Settings) (*Driver, error) {
	driver := &Driver{settings: settings, words: program.Words{}, place: folder(settings.Folder), applied: map[string]string{}}
	filled := strings.NewReplacer(
		"%", "%%", "@REASON@", strings.ReplaceAll(reasonText, "@REASONS@", driver.place.reasons()),
		"@NOTICE@", noticeText,
	).Replace(reasons.Page)
	files := map[string]string{
		driver.place.lua(): waitingLua, driver.place.page(): filled, driver.place.reasons(): reasons.Map(),
	}
	for file, content := range files {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	reader, writer, err := program.Pipe()
	if err != nil {
		return nil, err
	}
	driver.logs, driver.log = writer, program.NewLog(reader, writer, driver.takeLine)
	return driver, nil
}

// Template is the file name of the driver's template.
func (d *Driver) Template() string { return "haproxy.cfg" }

// Process that runs now.
func (d *Driver) Process() *program.Process {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.process
}

func (d *Driver) commands() commands { return commands{d.place.socket(d.generation)} }

// Load renders, checks, and starts or reloads; connections are handed over.
func (d *Driver) Load(told *model.Model, template string, table program.Table) error {
	text, err := render(told, template, table, d.place, d.generation+1)
	if err != nil {
		return err
	}
	for file, lines := range maps(told, table, d.place) {
		if err := os.WriteFile(file, []byte(strings.Join(append(lines, ""), "\n")), 0o600); err != nil {
			return err
		}
	}
	known, err := d.keepAuthorities(table)
	if err != nil {
		return err
	}
	file := d.place.path("haproxy.cfg")
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	if err := d.check(file + ".new"); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	d.template = template
	if err := d.start(told, file); err != nil {
		return err
	}
	d.trusted = known
	return nil
}

func (d *Driver) check(file string) error {
	command := exec.Command(binary, "-c", "-f", file)
	command.ExtraFiles = []*os.File{d.logs}
	output, err := command.CombinedOutput()
	if err == nil {
		return nil
	}
	var said []string
	for line := range strings.Lines(string(output)) {
		if _, complaint, found := strings.Cut(line, "config : "); found && strings.HasPrefix(line, "[ALERT]") {
			said = append(said, strings.TrimSpace(complaint))
		}
	}
	if len(said) == 0 {
		said = []string{err.Error(), strings.TrimSpace(string(output))}
	}
	return fmt.Errorf("HAProxy refuses the configuration: %s", strings.Join(said, "; "))
}

func (d *Driver) start(told *model.Model, file string) error {
	arguments := []string{"-db", "-f", file}
	before := d.process
	if before != nil && before.Running() {
		arguments = append(arguments, "-x", d.place.socket(d.generation), "-sf", fmt.Sprint(before.Pid))
	}
	next := commands{d.place.socket(d.generation + 1)}
	process, err := program.StartProcess(binary, arguments, d.logs)
	if err != nil {
		return err
	}
	if err := await(process, next); err != nil {
		process.End(0)
		return err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if before != nil && before.Running() {
		d.former = append(d.former, before)
	}
	d.process, d.told = process, told
	d.generation++
	d.applied = map[string]string{}
	return nil
}

func await(process *program.Process, commands commands) error {
	deadline := time.After(startWithin)
	for {
		if _, err := commands.ask("show info", ""); err == nil {
			return nil
		}
		select {
		case <-process.Done():
			return fmt.Errorf("HAProxy ended at its start: %s", process.Result())
		case <-deadline:
			return errors.New("HAProxy does not answer after its start")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Restart starts HAProxy anew, with the members of now.
func (d *Driver) Restart(told *model.Model, table program.Table) error {
	return d.Load(told, d.template, table)
}

// Stop lets HAProxy end: it takes nothing new, answers what comes on open connections, and closes them.
func (d *Driver) Stop(within time.Duration) {
	process := d.Process()
	if process == nil {
		return
	}
	process.Signal(syscall.SIGUSR1)
	process.End(within)
	for _, each := range d.former {
		each.End(0)
	}
	d.log.Finish()
}

// Apply brings members, shares and maintenance of the running HAProxy in line with the table.
func (d *Driver) Apply(told *model.Model, table program.Table) (map[string][]string, error) {
	running := d.commands()
	var problems []error
	found := maps(told, table, d.place)
	// Homes come last: what is no home any more is dealt by then.
	for _, file := range []string{d.place.maintenance(), d.place.shares(), d.place.others(), d.place.homes()} {
		lines, named := found[file]
		if !named {
			continue
		}
		joined := strings.Join(lines, "\n")
		if before, known := d.applied[file]; known && before == joined {
			continue
		}
		if err := running.replaceMap(file, lines); err != nil {
			problems = append(problems, err)
			continue
		}
		d.applied[file] = joined
	}
	if err := d.trust(running, table); err != nil {
		problems = append(problems, err)
	}
	stat, err := running.stat()
	if err != nil {
		return nil, errors.Join(append(problems, err)...)
	}
	finished := map[string][]string{}
	for _, backend := range told.Backends {
		now := stat[backend.Name]
		if now == nil {
			problems = append(problems, fmt.Errorf("HAProxy has no backend %s", backend.Name))
			continue
		}
		gone, err := reconcile(running, backend, now.servers, table.Members[backend.Name])
		finished[backend.Name] = gone
		if err != nil {
			problems = append(problems, err)
		}
	}
	return finished, errors.Join(problems...)
}

// reconcile brings one backend's servers in line; it returns the members that are out of it.
func reconcile(
	running commands, backend *model.Backend, servers map[string]server, all []members.Member,
) (finished []string, problem error) {
	var problems []error
	added := false
	for _, member := range all {
		server, exists := servers[member.ID]
		name := backend.Name + "/" + member.ID
		var err error
		switch {
		case member.State == members.Serving && !exists:
			err = add(running, backend, member, name)
			added = added || err == nil
		case member.State == members.Serving && server.closed:
			err = running.order("set server "+name+" state ready", "UP")
		case member.State != members.Serving && exists && !server.closed:
			err = running.order("set server " + name + " state maint")
		case member.State == members.Draining:
			var out bool
			out, err = remove(running, backend, name, member.Since, server, exists)
			if out {
				finished = append(finished, member.ID)
			}
		}
		if err != nil {
			problems = append(problems, err)
		}
	}
	for id, server := range servers {
		if slices.ContainsFunc(all, func(m members.Member) bool { return m.ID == id }) {
			continue
		}
		// Nobody's: left by a configuration from before.
		name := backend.Name + "/" + id
		if !server.closed {
			problems = append(problems, running.order("set server "+name+" state maint"))
		} else if server.InFlight.Serving == 0 {
			_ = running.order("del server "+name, "deleted")
		}
	}
	if added && backend.Affinity != nil && backend.Affinity.By == "cookie" {
		// Servers that are added get their cookie's value only so.
		problems = append(problems, running.order("enable dynamic-cookie backend "+backend.Name))
	}
	return finished, errors.Join(problems...)
}

func add(running commands, backend *model.Backend, member members.Member, name string) error {
	if err := running.order("add server "+name+" "+serverWords(backend, member), "New server registered"); err != nil {
		return err
	}
	if backend.Health != nil && !member.Unchecked {
		if err := running.order("enable health " + name); err != nil {
			return err
		}
	}
	return running.order("enable server "+name, "UP")
}

// remove takes a member out once it has finished, or its grace is over.
func remove(
	running commands, backend *model.Backend, name string, since time.Time, server server, exists bool,
) (bool, error) {
	if !exists {
		return true, nil
	}
	if server.InFlight.Serving > 0 {
		if time.Since(since) > backend.Draining.Duration() {
			return false, running.order("shutdown sessions server " + name)
		}
		return false, nil
	}
	// HAProxy refuses while idle connections to it are open; they close soon, and the next round tries again.
	return running.order("del server "+name, "deleted") == nil, nil
}

// Samples tells what the running HAProxy has in flight. A process that finishes after a reload cannot be asked.
func (d *Driver) Samples() (map[string]program.Sample, error) {
	d.mutex.Lock()
	running := d.commands()
	d.former = slices.DeleteFunc(d.former, func(p *program.Process) bool { return !p.Running() })
	d.mutex.Unlock()
	stat, err := running.stat()
	if err != nil {
		return nil, err
	}
	found := map[string]program.Sample{}
	for name, backend := range stat {
		found[name] = backend.sample()
	}
	return found, nil
}

func (d *Driver) takeLine(text []byte) {
	line, ok := parseLine(text, d.words)
	if !ok {
		return
	}
	d.mutex.Lock()
	told := d.told
	d.mutex.Unlock()
	if told != nil && told.ByName(line.backend) == nil {
		line.backend = "" // HAProxy names the frontend of what got no further
	}
	d.settings.Take(told, figures.Ended{
		Backend: line.backend, Member: line.server, Seconds: line.seconds, Failed: line.failed(), Unanswered: line.unanswered(),
		Reason: line.reason, Retries: line.retries,
	}, line.split, line.rest)
}
