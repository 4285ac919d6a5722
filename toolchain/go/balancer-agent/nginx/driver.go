package nginx

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/health"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
	"altostratus/toolchain/balancer-agent/reasons"
)

const (
	binary      = "nginx"
	startWithin = 20 * time.Second
	// Clients that ask often hear within this time that their connection will close.
	closingFirst = 500 * time.Millisecond
)

//go:embed lua/*.lua
var lua embed.FS

// Driver runs nginx.
type Driver struct {
	settings program.Settings
	place    folder
	control  control
	checker  *health.Checker
	log      *program.Log
	words    program.Words // of the log

	mutex      sync.Mutex // guards what Samples reads
	told       *model.Model
	table      program.Table
	places     streamPlaces
	process    *program.Process
	generation int

	template string
	rendered string
	pushed   string
}

// New makes a driver with its working files in place, and takes in what nginx logs. `wake` is called when a
// member's health turns.
func New(settings program.Settings, wake func()) (*Driver, error) {
	driver := &Driver{
		settings: settings, words: program.Words{}, place: folder(settings.Folder), places: streamPlaces{},
		checker: health.New(wake),
	}
	driver.control = newControl(driver.place.control())
	if err := driver.writeLua(); err != nil {
		return nil, err
	}
	spool := filepath.Join(os.TempDir(), "altostratus-nginx")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, err
	}
	pipe, err := program.NamedPipe(driver.place.logPipe())
	if err != nil {
		return nil, err
	}
	driver.log = program.NewLog(pipe, pipe, driver.takeLine)
	return driver, nil
}

func (d *Driver) writeLua() error {
	target := filepath.Join(d.place.path("lua"), "altostratus")
	if err := os.MkdirAll(target, 0o700); err != nil {
		return err
	}
	files, err := lua.ReadDir("lua")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := lua.ReadFile("lua/" + file.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(target, file.Name()), text, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(target, "reasons.lua"), []byte(reasons.Lua()), 0o600)
}

// Template is the file name of the driver's template.
func (d *Driver) Template() string { return "nginx.conf" }

// Process that runs now.
func (d *Driver) Process() *program.Process {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.process
}

// Load renders, checks, and starts or reloads gracefully.
func (d *Driver) Load(told *model.Model, template string, table program.Table) error {
	text, err := render(told, template, table, d.place, d.generation+1)
	if err != nil {
		return err
	}
	file := d.place.path("nginx.conf")
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	if err := check(file + ".new"); err != nil {
		return err
	}
	if err := d.push(told, table); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	d.template, d.rendered = template, text
	if process := d.Process(); process != nil && process.Running() {
		err = d.reload(process)
	} else {
		err = d.start(file)
	}
	if err != nil {
		return err
	}
	d.remember(told, table)
	return nil
}

func (d *Driver) remember(told *model.Model, table program.Table) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.told, d.table = told, table
	d.places.learn(told, table)
}

func check(file string) error {
	output, err := exec.Command(binary, "-t", "-q", "-e", "stderr", "-c", file).CombinedOutput()
	if err == nil {
		return nil
	}
	var said []string
	for line := range strings.Lines(string(output)) {
		if _, complaint, found := strings.Cut(line, "[emerg] "); found {
			_, text, _ := strings.Cut(complaint, ": ")
			said = append(said, strings.TrimSpace(text))
		}
	}
	if len(said) == 0 {
		said = []string{err.Error(), strings.TrimSpace(string(output))}
	}
	return fmt.Errorf("nginx refuses the configuration: %s", strings.Join(said, "; "))
}

func (d *Driver) start(file string) error {
	// nginx does not take over a socket that a killed one left.
	_ = os.Remove(d.place.control())
	process, err := program.StartProcess(binary, []string{"-e", "stderr", "-c", file})
	if err != nil {
		return err
	}
	if err := d.await(process); err != nil {
		process.End(0)
		return err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.process = process
	d.generation++
	return nil
}

// reload replaces the workers; old ones finish what they have. nginx closes idle connections when it does so,
// so clients are asked to close theirs first.
func (d *Driver) reload(process *program.Process) error {
	_ = d.control.post("/closing?on=1", nil)
	time.Sleep(closingFirst)
	process.Signal(syscall.SIGHUP)
	if err := d.await(process); err != nil {
		return err
	}
	d.mutex.Lock()
	d.generation++
	d.mutex.Unlock()
	return d.control.post("/closing", nil)
}

// await the first answer of the generation that is being started.
func (d *Driver) await(process *program.Process) error {
	deadline := time.After(startWithin)
	for {
		if figures, err := d.control.figures(); err == nil && figures.Generation == d.generation+1 {
			return nil
		}
		select {
		case <-process.Done():
			return fmt.Errorf("nginx ended at its start: %s", process.Result())
		case <-deadline:
			return errors.New("nginx does not answer after its start")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Restart starts nginx anew. Workers whose master was killed live on with its sockets: they finish what they
// have, and end.
func (d *Driver) Restart(told *model.Model, table program.Table) error {
	before := d.Process()
	before.SignalGroup(syscall.SIGQUIT)
	if !d.groupEnds(before, 500*time.Millisecond) {
		log.Printf("workers of the nginx that ended still serve; they may finish")
	}
	text, err := render(told, d.template, table, d.place, d.generation+1)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.place.path("nginx.conf"), []byte(text), 0o600); err != nil {
		return err
	}
	d.pushed = ""
	if err := d.push(told, table); err != nil {
		return err
	}
	return d.start(d.place.path("nginx.conf"))
}

func (d *Driver) groupEnds(process *program.Process, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if process.GroupEmpty() {
			return true
		}
	}
	return false
}

// Stop lets nginx end: first clients hear that their connections will close.
func (d *Driver) Stop(within time.Duration) {
	process := d.Process()
	if process == nil {
		return
	}
	_ = d.control.post("/closing?on=1", nil)
	time.Sleep(min(closingFirst, within))
	process.Signal(syscall.SIGQUIT)
	process.End(within)
	d.log.Finish()
}

// push hands the table to the workers, and keeps it for the next start. Nothing is done where nothing changed.
func (d *Driver) push(told *model.Model, table program.Table) error {
	d.checker.Follow(told, table.Members)
	text, err := json.Marshal(tableFor(told, table, d.checker.Down))
	if err != nil {
		return err
	}
	if string(text) == d.pushed {
		return nil
	}
	if err := os.WriteFile(d.place.table(), text, 0o600); err != nil {
		return err
	}
	if process := d.Process(); process != nil && process.Running() {
		if err := d.control.post("/table", text); err != nil {
			return err
		}
	}
	d.pushed = string(text)
	return nil
}

// Apply brings members, shares and maintenance of the running nginx in line with the table.
func (d *Driver) Apply(told *model.Model, table program.Table) (map[string][]string, error) {
	if err := d.push(told, table); err != nil {
		return nil, err
	}
	if err := d.applyStreams(told, table); err != nil {
		return nil, err
	}
	d.remember(told, table)
	return d.finished(told, table)
}

// applyStreams reloads when members of tcp backends changed: nginx has no other way for them.
func (d *Driver) applyStreams(told *model.Model, table program.Table) error {
	if !strings.Contains(d.template, "# altostratus:stream") {
		return nil
	}
	now, err := render(told, d.template, table, d.place, d.generation)
	if err != nil || now == d.rendered {
		return err
	}
	return d.Load(told, d.template, table)
}

func (d *Driver) finished(told *model.Model, table program.Table) (map[string][]string, error) {
	var now counts
	asked := false
	found := map[string][]string{}
	for name, all := range table.Members {
		for _, member := range all {
			if member.State != members.Draining {
				continue
			}
			if !asked {
				var err error
				if now, err = d.figures(told, table); err != nil {
					return nil, err
				}
				asked = true
			}
			over := time.Since(member.Since) > told.ByName(name).Draining.Duration()
			if over || now.Serving[name+"/"+member.ID] <= 0 {
				found[name] = append(found[name], member.ID)
			}
		}
	}
	return found, nil
}

// figures are nginx's own of requests, and the kernel's of tcp connections.
func (d *Driver) figures(told *model.Model, table program.Table) (counts, error) {
	found, err := d.control.figures()
	if err != nil {
		return found, err
	}
	streams, err := serving(told, table)
	if err != nil {
		return found, err
	}
	if found.Serving == nil {
		found.Serving = map[string]int{}
	}
	maps.Copy(found.Serving, streams)
	return found, nil
}

// Samples tells what is in flight now.
func (d *Driver) Samples() (map[string]program.Sample, error) {
	d.mutex.Lock()
	told, table := d.told, d.table
	d.mutex.Unlock()
	now, err := d.figures(told, table)
	if err != nil {
		return nil, err
	}
	found := map[string]program.Sample{}
	for name, all := range table.Members {
		sample := program.Sample{Members: map[string]program.MemberSample{}}
		sample.InFlight.Queued = max(now.Queued[name], 0)
		for _, member := range all {
			own := program.MemberSample{Health: program.Up}
			own.InFlight.Serving = max(now.Serving[name+"/"+member.ID], 0)
			sample.InFlight.Serving += own.InFlight.Serving
			switch {
			case member.State != members.Serving:
				own.Health = program.Closed
			case d.checker.Down(name, member.ID):
				own.Health = program.Down
			}
			sample.Members[member.ID] = own
		}
		found[name] = sample
	}
	return found, nil
}

func (d *Driver) takeLine(text []byte) {
	line, ok := parseLine(text, d.words)
	if !ok {
		return
	}
	ended := figures.Ended{
		Backend: line.backend, Member: line.member, Seconds: line.seconds, Failed: line.failed(),
		Reason: line.reason, Retries: line.retries(),
	}
	d.mutex.Lock()
	told := d.told
	if line.stream {
		ended = d.places.ended(line)
	}
	d.mutex.Unlock()
	d.settings.Take(told, ended, line.split, line.rest)
}
