// Package accesslog writes lines to standard output without ever making requests wait.
package accesslog

import (
	"bytes"
	"io"
	"log"
	"sync"
	"time"
)

const (
	most       = 8 << 20 // bytes that may wait for a slow reader
	flushEvery = 100 * time.Millisecond
)

// Writer gathers lines and writes them in batches. Lines that a stuck reader makes too many are dropped and
// counted.
type Writer struct {
	to      io.Writer
	mutex   sync.Mutex
	pending *bytes.Buffer
	spare   *bytes.Buffer // takes turns with it: new memory for every batch would cost more than the lines
	dropped uint64

	writing sync.Mutex
}

// New writes to `to` until the program ends.
func New(to io.Writer) *Writer {
	writer := newWriter(to)
	go func() {
		for range time.Tick(flushEvery) {
			writer.Flush()
		}
	}()
	return writer
}

func newWriter(to io.Writer) *Writer {
	return &Writer{to: to, pending: &bytes.Buffer{}, spare: &bytes.Buffer{}}
}

// Line adds one line, of about this size, that `write` appends to what it is given.
func (w *Writer) Line(size int, write func(into []byte) []byte) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.pending.Len()+size >= most {
		w.dropped++
		return
	}
	w.pending.Grow(size)
	w.pending.Write(write(w.pending.AvailableBuffer()))
	w.pending.WriteByte('\n')
}

// Flush writes what is there.
func (w *Writer) Flush() {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mutex.Lock()
	batch := w.pending
	w.pending, w.spare = w.spare, batch
	dropped := w.dropped
	w.dropped = 0
	w.mutex.Unlock()
	if dropped > 0 {
		log.Printf("%d lines of the access log were dropped: standard output is not read fast enough", dropped)
	}
	if batch.Len() > 0 {
		_, _ = w.to.Write(batch.Bytes())
	}
	batch.Reset()
}
