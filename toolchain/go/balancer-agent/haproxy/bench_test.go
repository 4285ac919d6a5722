package haproxy

import (
	"io"
	"testing"

	"altostratus/toolchain/balancer-agent/accesslog"
	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
)

// What one line of the log costs the agent, from the pipe's bytes to the access log.
func BenchmarkLine(b *testing.B) {
	line := []byte("web\tweb-6dc5784854-2trp5\t200\t12\t--\t0\t-\tweb\t" +
		`,"client":"10.2.0.1","listener":"http","protocol":"HTTP/1.1","method":"GET","host":"www.example.org",` +
		`"path":"/some/page?of=many","userAgent":"Mozilla/5.0 (X11; Linux x86_64)","tenant":"acme","status":200,` +
		`"milliseconds":12,"waited":0,"bytesIn":120,"bytesOut":4210,"ended":"--"`)
	lines := accesslog.New(io.Discard)
	driver := &Driver{
		settings: program.Settings{Book: figures.NewBook(), Line: func(facts program.LogFacts, fields []byte) {
			lines.Line(len(fields)+300, func(into []byte) []byte { return program.AppendLine(into, facts, fields) })
		}},
		words: program.Words{},
		told:  &model.Model{Backends: map[string]*model.Backend{"web": {Name: "web", Key: "web"}}},
	}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for taken := 0; b.Loop(); taken++ {
		driver.takeLine(line)
		if taken%1000 == 0 {
			lines.Flush()
		}
	}
}
