package accesslog

import (
	"bytes"
	"strings"
	"testing"
)

func TestLinesAreWrittenWholeAndTooManyAreDropped(t *testing.T) {
	var to bytes.Buffer
	writer := newWriter(&to)
	line := func(text string) {
		writer.Line(len(text), func(into []byte) []byte { return append(into, text...) })
	}
	line(`{"a":1}`)
	line(strings.Repeat("x", most))
	line(`{"a":2}`)
	writer.Flush()
	if to.String() != "{\"a\":1}\n{\"a\":2}\n" {
		t.Fatalf("%.100s", to.String())
	}
}
