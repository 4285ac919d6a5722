package haproxy

import (
	"bytes"
	"strconv"

	"altostratus/toolchain/balancer-agent/figures"
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

func parseLine(text []byte) (line, bool) {
	fields := bytes.SplitN(text, []byte{'\t'}, parts)
	if len(fields) != parts {
		return line{}, false
	}
	word := func(i int) string {
		if found := string(fields[i]); found != "-" {
			return found
		}
		return ""
	}
	status, _ := strconv.Atoi(string(fields[2]))
	milliseconds, err := strconv.Atoi(string(bytes.TrimPrefix(fields[3], []byte("+"))))
	if err != nil || len(fields[4]) < 2 {
		return line{}, false
	}
	// A plus tells that the last retry was on another server.
	retries, _ := strconv.Atoi(string(bytes.TrimPrefix(fields[5], []byte("+"))))
	found := line{
		backend: word(0), server: word(1), status: status, seconds: float64(max(milliseconds, 0)) / 1000,
		ended: string(fields[4]), retries: retries, reason: word(6), split: word(7), rest: fields[8],
	}
	if found.server == "<NOSRV>" {
		found.server = ""
	}
	return found, true
}

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
