package nginx

import (
	"bytes"
	bits "encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
)

// The kernel's tables of the connections of this Pod; a kernel without IPv6 has no second one.
var socketTables = []string{"/proc/net/tcp", "/proc/net/tcp6"}

// States of a connection that somebody still uses (Linux, include/net/tcp_states.h): it is open, being opened, or the
// other side has said all it had to say.
const (
	established = 1
	synSent     = 2
	closeWait   = 8
)

// connections counts those that are open to each of the addresses, as the kernel knows them now: exact, over reloads
// and workers that die.
func connections(to map[netip.AddrPort]int) error {
	for _, name := range socketTables {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		countSockets(text, to)
	}
	return nil
}

// countSockets adds the connections of one table to the addresses that are there.
func countSockets(text []byte, to map[netip.AddrPort]int) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line) // number, local address, remote address, state, ...
		if len(fields) < 4 {
			continue
		}
		state, err := strconv.ParseUint(string(fields[3]), 16, 8)
		if err != nil || (state != established && state != synSent && state != closeWait) {
			continue
		}
		if remote, ok := socketAddress(fields[2]); ok {
			if _, wanted := to[remote]; wanted {
				to[remote]++
			}
		}
	}
}

// socketAddress reads 0100007F:1F90: words of the machine's own order, and a port.
func socketAddress(text []byte) (netip.AddrPort, bool) {
	host, port, found := bytes.Cut(text, []byte(":"))
	number, err := strconv.ParseUint(string(port), 16, 16)
	if !found || err != nil || (len(host) != 8 && len(host) != 32) {
		return netip.AddrPort{}, false
	}
	address := make([]byte, len(host)/2)
	if _, err := hex.Decode(address, host); err != nil {
		return netip.AddrPort{}, false
	}
	for word := address; len(word) > 0; word = word[4:] {
		bits.BigEndian.PutUint32(word, bits.NativeEndian.Uint32(word))
	}
	read, ok := netip.AddrFromSlice(address)
	return netip.AddrPortFrom(read.Unmap(), uint16(number)), ok
}
