package program

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"syscall"
	"time"
)

const (
	pipeBytes   = 1 << 20
	setPipeSize = 1031 // F_SETPIPE_SZ
	getPipeSize = 1032 // F_GETPIPE_SZ

	// A pipe of 1 MiB holds what comes in this time, several times over; a smaller one is read more often.
	batchWait    = 10 * time.Millisecond
	batchAtLeast = time.Millisecond

	// After a batch of fewer bytes the next one may be longer in coming: most balancers are calm most of the time.
	little    = 16 * 1024
	calmTimes = 5
)

// Pipe makes one with room for bursts, where the system allows that; the usual 64 KiB do as well. Nothing else waits
// for it: a descriptor that Go's own poller watches would wake this program for every single line.
func Pipe() (reader, writer *os.File, err error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("a pipe cannot be made: %w", err)
	}
	widen(ends[1])
	return os.NewFile(uintptr(ends[0]), "log"), os.NewFile(uintptr(ends[1]), "log"), nil
}

// NamedPipe makes one for reading and writing: a program can open it while nobody else does.
func NamedPipe(path string) (*os.File, error) {
	_ = os.Remove(path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("%s cannot be made: %w", path, err)
	}
	descriptor, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened: %w", path, err)
	}
	widen(descriptor)
	return os.NewFile(uintptr(descriptor), path), nil
}

func widen(descriptor int) {
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptor), setPipeSize, pipeBytes)
}

// pauseFor says how long the reader of a pipe may wait between two batches.
func pauseFor(pipe *os.File) time.Duration {
	size, _, problem := syscall.Syscall(syscall.SYS_FCNTL, pipe.Fd(), getPipeSize, 0)
	if problem != 0 {
		return batchAtLeast
	}
	return max(batchWait*time.Duration(size)/pipeBytes, batchAtLeast)
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
func NewLog(reader, writer *os.File, take func([]byte)) *Log {
	found := &Log{writer: writer, ended: make(chan struct{})}
	go func() {
		defer close(found.ended)
		lines(batched{reader, pauseFor(reader)}, take)
	}()
	return found
}

// Finish waits until all that was written by now is taken; nothing is taken after it.
func (l *Log) Finish() {
	deadline := time.After(readWithin)
	// The program may have made its end, which is ours, one that does not wait for room.
	for {
		_, err := io.WriteString(l.writer, lastLine+"\n")
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return
		}
		select {
		case <-l.ended:
			return
		case <-deadline:
			return
		case <-time.After(batchWait):
		}
	}
	select {
	case <-l.ended:
	case <-deadline:
	}
}

// lines reads in batches: being woken for every single line would cost more than all the rest of it.
func lines(from io.Reader, take func([]byte)) {
	reader := bufio.NewReaderSize(from, 256*1024)
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

// batched waits before it reads, so that much is there by then; the pipe has room for far more than comes meanwhile.
type batched struct {
	io.Reader
	pause time.Duration
}

func (b batched) Read(into []byte) (int, error) {
	count, err := b.Reader.Read(into)
	switch {
	case err != nil || count == len(into):
	case count < little:
		time.Sleep(calmTimes * b.pause)
	default:
		time.Sleep(b.pause)
	}
	return count, err
}
