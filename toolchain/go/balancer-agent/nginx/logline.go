package nginx

import (
	"strconv"
	"strings"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/program"
)

// line is what nginx says of one request: figures by tabs, then the access log's fields as JSON.
type line struct {
	backend, member string
	status          int
	seconds         float64
	upstream        []string // the status of each try; of a tcp connection, its address
	reason, split   string
	rest            []byte
	stream          bool // a tcp connection
}

const parts = 9

const (
	tooMany    = 429
	clientLeft = 499 // nginx's own
)

func parseLine(text []byte, words program.Words) (line, bool) {
	var fields [parts][]byte
	if !program.Fields(text, fields[:]) {
		return line{}, false
	}
	status, err := strconv.Atoi(string(fields[2]))
	if err != nil {
		return line{}, false
	}
	seconds, err := strconv.ParseFloat(string(fields[3]), 64)
	if err != nil {
		return line{}, false
	}
	found := line{
		backend: words.Of(fields[0]), member: words.Of(fields[1]), status: status, seconds: seconds,
		reason: words.Of(fields[6]), split: words.Of(fields[7]), rest: fields[8],
		stream: string(fields[5]) == streamMark,
	}
	if tries := string(fields[4]); tries != "" && tries != "-" {
		found.upstream = strings.Split(tries, ", ")
	}
	if found.status == tooMany && found.reason == "" && len(found.upstream) == 0 {
		found.reason = "rate-limit" // refused before any Lua ran
	}
	return found, true
}

func (l line) retries() int { return max(len(l.upstream)-1, 0) }

func (l line) failed() figures.By {
	switch {
	case l.status == clientLeft:
		return figures.Client
	case l.status < 500:
		return figures.Nobody
	case len(l.upstream) == 0:
		return figures.Balancer
	default:
		return figures.TheirOwn
	}
}
