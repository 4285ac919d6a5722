// Package haproxy runs HAProxy: configuration from a template, members through its runtime API.
package haproxy

import (
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"altostratus/toolchain/balancer-agent/program"
)

const (
	answerWithin = 5 * time.Second
	payloadMost  = 8000 // of HAProxy's buffer of 16 KiB, for one command
)

// commands speaks to HAProxy's command socket.
type commands struct{ socket string }

// ask sends one command, with a payload where it is not empty, and returns the answer without blanks around it.
func (r commands) ask(command, payload string) (string, error) {
	connection, err := net.DialTimeout("unix", r.socket, answerWithin)
	if err != nil {
		return "", fmt.Errorf("HAProxy does not answer: %w", err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return "", err
	}
	text := command + "\n"
	if payload != "" {
		text = command + " <<\n" + payload + "\n"
	}
	if _, err := io.WriteString(connection, text); err != nil {
		return "", fmt.Errorf("HAProxy does not answer: %w", err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil {
		return "", fmt.Errorf("HAProxy does not answer: %w", err)
	}
	return strings.TrimSpace(string(answer)), nil
}

// order sends a command that answers nothing, or only a note that holds one of `well`.
func (r commands) order(command string, well ...string) error {
	answer, err := r.ask(command, "")
	if err != nil || answer == "" {
		return err
	}
	for _, word := range well {
		if strings.Contains(answer, word) {
			return nil
		}
	}
	return fmt.Errorf("HAProxy on %q: %s", command, answer)
}

// replaceMap changes all of a map at once: requests see the old one or the new one.
func (r commands) replaceMap(file string, lines []string) error {
	answer, err := r.ask("prepare map "+file, "")
	if err != nil {
		return err
	}
	_, version, found := strings.Cut(answer, ": ")
	if _, err := strconv.Atoi(version); !found || err != nil {
		return fmt.Errorf("HAProxy on preparing %s: %s", file, answer)
	}
	for len(lines) > 0 {
		size, count := 0, 0
		for count < len(lines) && size+len(lines[count]) < payloadMost {
			size += len(lines[count]) + 1
			count++
		}
		answer, err := r.ask("add map @"+version+" "+file, strings.Join(lines[:count], "\n")+"\n")
		if err != nil {
			return err
		}
		if answer != "" {
			return fmt.Errorf("HAProxy on filling %s: %s", file, answer)
		}
		lines = lines[count:]
	}
	return r.order("commit map @" + version + " " + file)
}

type server struct {
	program.MemberSample
	closed bool // in maintenance
}

type backend struct {
	current int
	servers map[string]server
}

// stat reads who serves what now.
func (r commands) stat() (map[string]*backend, error) {
	answer, err := r.ask("show stat -1 6 -1", "") // backends (2) and servers (4)
	if err != nil {
		return nil, err
	}
	return parseStat(answer)
}

func parseStat(answer string) (map[string]*backend, error) {
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(answer, "# ")))
	reader.FieldsPerRecord, reader.ReuseRecord = -1, true
	header, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("HAProxy's figures cannot be read: %w", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		columns[name] = i
	}
	for _, name := range []string{"pxname", "svname", "scur", "qcur", "status"} {
		if _, ok := columns[name]; !ok {
			return nil, fmt.Errorf("HAProxy's figures have no %s", name)
		}
	}
	found := map[string]*backend{}
	of := func(name string) *backend {
		if found[name] == nil {
			found[name] = &backend{servers: map[string]server{}}
		}
		return found[name]
	}
	for {
		record, err := reader.Read()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("HAProxy's figures cannot be read: %w", err)
		}
		number := func(name string) int {
			value, _ := strconv.Atoi(record[columns[name]])
			return value
		}
		name := strings.Clone(record[columns["pxname"]])
		serverName := strings.Clone(record[columns["svname"]])
		if serverName == "BACKEND" {
			of(name).current = number("scur")
			continue
		}
		health, closed := healthOf(record[columns["status"]])
		of(name).servers[serverName] = server{
			MemberSample: program.MemberSample{
				InFlight: program.InFlight{Serving: number("scur"), Queued: number("qcur")},
				Health:   health,
			},
			closed: closed,
		}
	}
}

// healthOf reads HAProxy's words: UP, UP 1/3 (failing), DOWN, DOWN 1/2 (recovering), MAINT, DRAIN, no check.
func healthOf(status string) (health program.Health, closed bool) {
	switch {
	case strings.HasPrefix(status, "MAINT"):
		return program.Closed, true
	case strings.HasPrefix(status, "DRAIN"), strings.HasPrefix(status, "NOLB"):
		return program.Closed, false
	case strings.HasPrefix(status, "DOWN "):
		return program.Starting, false
	case strings.HasPrefix(status, "DOWN"):
		return program.Down, false
	default:
		return program.Up, false
	}
}

// sample turns what HAProxy tells into requests in flight. A stream counts at its backend from the choice of the
// backend to its end, and at its server from the choice of the server: the difference waits.
func (b *backend) sample() program.Sample {
	found := program.Sample{Members: map[string]program.MemberSample{}}
	for name, server := range b.servers {
		found.InFlight.Serving += server.InFlight.Serving
		found.Members[name] = server.MemberSample
	}
	found.InFlight.Queued = max(b.current-found.InFlight.Serving, 0)
	return found
}
