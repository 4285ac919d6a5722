// The balancer's agent: runs HAProxy or nginx, follows members, and answers for their state.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"altostratus/toolchain/balancer-agent/accesslog"
	"altostratus/toolchain/balancer-agent/agent"
	"altostratus/toolchain/balancer-agent/cluster"
	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/haproxy"
	"altostratus/toolchain/balancer-agent/nginx"
	"altostratus/toolchain/balancer-agent/program"
)

// version is set by the build.
var version = "0.0.0"

// About what the agent's own part of a log line takes.
const factsSize = 256

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] == "--version" {
			fmt.Println("balancer-agent", version)
			return
		}
		fmt.Fprintln(os.Stderr, "balancer-agent takes no arguments but --version; docs/balancer-protocol.md has its settings")
		os.Exit(2)
	}
	log.SetFlags(log.Ldate | log.Ltime | log.LUTC | log.Lmicroseconds)
	log.SetPrefix("balancer-agent ")
	if err := run(); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run() error {
	settings := agent.FromEnvironment()
	book, lines := figures.NewBook(), accesslog.New(os.Stdout)
	defer lines.Flush()
	var balancer *agent.Agent
	driver, err := driverFor(settings, program.Settings{
		Folder: settings.Run, Book: book, Replica: settings.Replica,
		Line: func(facts program.LogFacts, fields []byte) {
			lines.Line(len(fields)+factsSize, func(into []byte) []byte {
				return program.AppendLine(into, facts, fields)
			})
		},
	}, func() { balancer.Wake() })
	if err != nil {
		return err
	}
	clients, err := cluster.NewClients()
	if err != nil {
		log.Printf("members of Services are not followed: %v", err)
		clients = nil
	}
	balancer = agent.New(settings, driver, book, clients)
	server, err := balancer.Server()
	if err != nil {
		return err
	}
	state, err := agent.Listen(server.Addr)
	if err != nil {
		return err
	}
	go func() {
		if err := server.ServeTLS(state, "", ""); !errors.Is(err, http.ErrServerClosed) {
			log.Fatalf("the state endpoint: %v", err)
		}
	}()
	signals, stop := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		close(stop)
	}()
	if err := balancer.Run(stop); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return server.Shutdown(within)
}

func driverFor(settings agent.Settings, own program.Settings, wake func()) (program.Driver, error) {
	name, err := agent.DriverName(settings)
	if err != nil {
		return nil, err
	}
	switch name {
	case "haproxy":
		return haproxy.New(own)
	case "nginx":
		return nginx.New(own, wake)
	default:
		return nil, fmt.Errorf("driver %q is not in this program", name)
	}
}
