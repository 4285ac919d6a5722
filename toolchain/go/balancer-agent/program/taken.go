package program

import (
	"time"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/model"
)

// Take counts one request that ended, and writes its line of the access log; `fields` are the program's own, none where
// there is no such log. Without a backend it was refused before one was chosen, and counts at the home of its split.
func (s Settings) Take(told *model.Model, ended figures.Ended, split string, fields []byte) {
	if ended.Backend == "" && told != nil {
		if shares := told.Splits[split]; len(shares) > 0 {
			ended.Backend = told.Backends[shares[0].Backend].Name
		}
	}
	s.Book.Add(time.Now(), ended)
	if len(fields) > 0 {
		s.Line(LogFacts{
			Backend: ended.Backend, Member: ended.Member, Split: split, Reason: ended.Reason, Retries: ended.Retries,
		}, fields)
	}
}
