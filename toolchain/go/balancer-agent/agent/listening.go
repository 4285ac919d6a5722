package agent

import (
	"context"
	"net"
	"syscall"

	kernel "golang.org/x/sys/unix"
)

// Listen opens the state endpoint's port beside a predecessor of the same user that still has it, as HAProxy
// does with its own: a successor on the same machine answers before the other has ended.
func Listen(address string) (net.Listener, error) {
	shared := net.ListenConfig{Control: func(_, _ string, socket syscall.RawConn) error {
		var failure error
		if err := socket.Control(func(descriptor uintptr) {
			failure = kernel.SetsockoptInt(int(descriptor), kernel.SOL_SOCKET, kernel.SO_REUSEPORT, 1)
		}); err != nil {
			return err
		}
		return failure
	}}
	return shared.Listen(context.Background(), "tcp", address)
}
