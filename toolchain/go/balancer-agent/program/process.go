package program

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Process is one running program.
type Process struct {
	Pid     int
	Started time.Time
	command *exec.Cmd
	done    chan struct{}
	result  string
}

// StartProcess starts a program in a process group of its own; what it prints goes to standard error. It inherits
// the files as descriptors from 3 on.
func StartProcess(name string, arguments []string, files ...*os.File) (*Process, error) {
	command := exec.Command(name, arguments...)
	command.ExtraFiles = files
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	command.Stdout = command.Stderr
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%s cannot be started: %w", name, err)
	}
	process := &Process{
		Pid: command.Process.Pid, Started: time.Now(), command: command, done: make(chan struct{}),
	}
	var copied sync.WaitGroup
	copied.Go(func() { copyLines(output) })
	go func() {
		// Wait closes the pipe, so all is read first; a child that outlives its parent holds it open.
		state, _ := command.Process.Wait()
		process.result = "unknown"
		if state != nil {
			process.result = state.String()
		}
		close(process.done)
		copied.Wait()
	}()
	return process, nil
}

func copyLines(from io.Reader) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		fmt.Fprintln(os.Stderr, lines.Text())
	}
	_, _ = io.Copy(io.Discard, from)
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running says whether it has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Result is how it ended, in words; empty while it runs.
func (p *Process) Result() string {
	if p.Running() {
		return ""
	}
	return p.result
}

// Signal the process itself.
func (p *Process) Signal(signal syscall.Signal) { _ = syscall.Kill(p.Pid, signal) }

// SignalGroup reaches the process and all it started, also once it has ended itself.
func (p *Process) SignalGroup(signal syscall.Signal) { _ = syscall.Kill(-p.Pid, signal) }

// GroupEmpty says whether nobody of its group is left.
func (p *Process) GroupEmpty() bool { return syscall.Kill(-p.Pid, 0) == syscall.ESRCH }

// End waits for the end within a time, and kills what is left then.
func (p *Process) End(within time.Duration) {
	select {
	case <-p.done:
	case <-time.After(within):
	}
	p.SignalGroup(syscall.SIGKILL)
	<-p.done
}
