package program

import (
	"bufio"
	"errors"
	"io"
	"log"
	"os"
	"syscall"
	"time"
)

const (
	pipeBytes   = 1 << 20
	setPipeSize = 1031 // F_SETPIPE_SZ
)

// Pipe makes one with room for bursts, where the system allows that; the usual 64 KiB do as well.
func Pipe() (reader, writer *os.File, err error) {
	reader, writer, err = os.Pipe()
	if err == nil {
		Widen(writer)
	}
	return reader, writer, err
}

// Widen gives a pipe more room.
func Widen(pipe *os.File) {
	connection, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = connection.Control(func(descriptor uintptr) {
		_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, descriptor, setPipeSize, pipeBytes)
	})
}

// Log takes in what a program writes to a pipe.
type Log struct {
	writer *os.File
	ended  chan struct{}
}

const (
	lastLine   = "altostratus: end of log"
	readWithin = 2 * time.Second
)

// NewLog hands each line, without its end, to `take`. `writer` is another way into the same pipe.
func NewLog(reader io.Reader, writer *os.File, take func([]byte)) *Log {
	found := &Log{writer: writer, ended: make(chan struct{})}
	go func() {
		defer close(found.ended)
		lines(reader, take)
	}()
	return found
}

// Finish waits until all that was written by now is taken; nothing is taken after it.
func (l *Log) Finish() {
	if _, err := io.WriteString(l.writer, lastLine+"\n"); err != nil {
		return
	}
	select {
	case <-l.ended:
	case <-time.After(readWithin):
	}
}

// lines reads in batches: being woken for every single line would cost more than all the rest of it.
func lines(from io.Reader, take func([]byte)) {
	reader := bufio.NewReaderSize(batched{from}, 256*1024)
	for {
		text, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue // a line that is too long is none
		}
		if err != nil {
			log.Printf("the program's log ended: %v", err)
			return
		}
		if string(text) == lastLine+"\n" {
			return
		}
		take(text[:len(text)-1])
	}
}

// batched waits a moment before it reads, unless much is there already.
type batched struct{ io.Reader }

const (
	batchWait = 5 * time.Millisecond
	much      = 32 * 1024
)

func (b batched) Read(into []byte) (int, error) {
	count, err := b.Reader.Read(into)
	if err == nil && count < much {
		time.Sleep(batchWait)
	}
	return count, err
}
