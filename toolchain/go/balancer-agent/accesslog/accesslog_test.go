package accesslog

import (
	"bytes"
	"testing"
)

func TestLinesAreWrittenWholeAndTooManyAreDropped(t *testing.T) {
	var to bytes.Buffer
	writer := &Writer{to: &to}
	writer.Line([]byte(`{"a":1}`))
	writer.Line(bytes.Repeat([]byte("x"), most))
	writer.Line([]byte(`{"a":2}`))
	writer.Flush()
	if to.String() != "{\"a\":1}\n{\"a\":2}\n" {
		t.Fatalf("%.100s", to.String())
	}
}
