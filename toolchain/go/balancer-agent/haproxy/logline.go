package haproxy

import (
	"bytes"
	"strconv"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/program"
)

// line is what HAProxy says of one request: figures by tabs, then the access log's fields as JSON.
type line struct {
	backend string
	server  string
	status  int
	seconds float64
	ended   string // HAProxy's two letters for who ended it, and when
	retries int
	reason  string
	split   string
	rest    []byte
}

const parts = 9

func parseLine(text []byte, words program.Words) (line, bool) {
	var fields [parts][]byte
	if !program.Fields(text, fields[:]) || len(fields[4]) < 2 {
		return line{}, false
	}
	status, _ := number(fields[2])
	milliseconds, ok := number(fields[3])
	if !ok {
		return line{}, false
	}
	retries, _ := number(fields[5])
	found := line{
		backend: words.Of(fields[0]), server: words.Of(fields[1]), status: status,
		seconds: float64(max(milliseconds, 0)) / 1000, ended: words.Of(fields[4]), retries: retries,
		reason: words.Of(fields[6]), split: words.Of(fields[7]), rest: fields[8],
	}
	if found.server == "<NOSRV>" {
		found.server = ""
	}
	return found, true
}

// number reads one; a plus before it tells more (a time until the end of the headers only; a last retry that was on
// another server).
func number(text []byte) (int, bool) {
	found, err := strconv.Atoi(string(bytes.TrimPrefix(text, []byte("+"))))
	return found, err == nil
}

// unanswered says whether a failed request got no answer of a member, or a part of one: two dashes end a whole one.
func (l line) unanswered() bool { return l.server == "" || l.ended[0] != '-' }

// failed says who a failed request failed by. HAProxy's first letter: C and c the client, S and s the server,
// P, R, L, ... itself. The second: Q in the queue, C connecting.
func (l line) failed() figures.By {
	switch l.ended[0] {
	case 'C', 'c':
		return figures.Client
	case 'S', 's':
		if l.ended[1] == 'Q' || l.server == "" {
			return figures.Balancer
		}
		return figures.TheirOwn
	}
	switch {
	case l.status < 500:
		return figures.Nobody
	case l.server == "":
		return figures.Balancer
	default:
		return figures.TheirOwn
	}
}
