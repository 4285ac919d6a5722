package program

import (
	"bufio"
	"errors"
	"io"
	"log"
	"os"
	"syscall"
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

// Lines hands on each line, without its end, until nothing more comes. A line that is too long is dropped.
func Lines(from io.Reader, take func([]byte)) {
	reader := bufio.NewReaderSize(from, 256*1024)
	for {
		text, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			log.Printf("the program's log ended: %v", err)
			return
		}
		take(text[:len(text)-1])
	}
}
