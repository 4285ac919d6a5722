package program

import (
	"strconv"
	"time"
)

// LogFacts are what the agent knows of a request, beside what the program says.
type LogFacts struct {
	Backend, Member, Split, Reason string
	Retries                        int
}

// AppendLine adds one JSON object of the facts, the time, and the program's own fields (which begin with a comma).
func AppendLine(line []byte, facts LogFacts, fields []byte) []byte {
	line = append(line, `{"time":"`...)
	line = time.Now().UTC().AppendFormat(line, "2006-01-02T15:04:05.000Z")
	line = append(line, '"')
	for _, each := range [...]struct{ name, value string }{
		{"backend", facts.Backend}, {"member", facts.Member}, {"split", facts.Split}, {"reason", facts.Reason},
	} {
		if each.value != "" { // names that need no escapes, all of them
			line = append(line, `,"`...)
			line = append(line, each.name...)
			line = append(line, `":"`...)
			line = append(line, each.value...)
			line = append(line, '"')
		}
	}
	if facts.Retries > 0 {
		line = append(line, `,"retries":`...)
		line = strconv.AppendInt(line, int64(facts.Retries), 10)
	}
	line = append(line, fields...)
	return append(line, '}')
}
