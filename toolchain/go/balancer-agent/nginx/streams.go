package nginx

import (
	"net/netip"
	"strings"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
)

// streamMark stands in a log line of a tcp connection where one of a request has a dash.
const streamMark = "tcp"

const (
	nobodyPrefix = "nobody."
	nobodySuffix = ".sock"
	mostKnown    = 10_000
)

// nobody is the address in the upstream of a backend without members. Nothing listens there; its name tells whose.
func (f folder) nobody(backend string) string { return f.path(nobodyPrefix + backend + nobodySuffix) }

// streamPlace is whose address one is.
type streamPlace struct{ backend, member string }

// streamPlaces knows the members of tcp backends by address, those that left too: their connections may end later.
type streamPlaces map[netip.AddrPort]streamPlace

func (p streamPlaces) learn(told *model.Model, table program.Table) {
	if len(p) > mostKnown {
		clear(p)
	}
	for name, all := range table.Members {
		if backend := told.ByName(name); backend == nil || backend.Protocol != "tcp" {
			continue
		}
		for _, member := range all {
			if address, ok := addressOf(member); ok {
				p[address] = streamPlace{name, member.ID}
			}
		}
	}
}

func addressOf(member members.Member) (netip.AddrPort, bool) {
	address, err := netip.ParseAddrPort(member.Address())
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port()), err == nil
}

// find reads $upstream_addr: each try's address. The last one had the connection.
func (p streamPlaces) find(tries []string) (found streamPlace) {
	if len(tries) == 0 {
		return streamPlace{}
	}
	last := tries[len(tries)-1]
	if _, name, nobody := strings.Cut(last, "/"+nobodyPrefix); nobody {
		return streamPlace{backend: strings.TrimSuffix(name, nobodySuffix)}
	}
	address, err := netip.ParseAddrPort(last)
	if err != nil {
		return streamPlace{}
	}
	return p[address]
}

// ended is a tcp connection that ended.
func (p streamPlaces) ended(line line) figures.Ended {
	place := p.find(line.upstream)
	found := figures.Ended{
		Backend: place.backend, Member: place.member, Seconds: line.seconds, Retries: line.retries(),
	}
	switch {
	case line.status < 500:
	case place.member == "":
		found.Failed = figures.Balancer
	default:
		found.Failed = figures.TheirOwn
	}
	return found
}

func streamLogFormat(told *model.Model) string {
	format := "-\t-\t$status\t$session_time\t$upstream_addr\t" + streamMark + "\t\t\t"
	if told.AccessLog != "json" {
		return format
	}
	return format + `,"client":"$remote_addr","listener":"$server_port","protocol":"tcp","seconds":$session_time` +
		`,"bytesIn":$bytes_received,"bytesOut":$bytes_sent`
}

// serving tells how many connections each member of the tcp backends has now, by backend/member. Where a backend of
// requests has the same address, the kernel cannot say whose a connection is: those are left out.
func serving(told *model.Model, table program.Table) (map[string]int, error) {
	if told == nil {
		return nil, nil
	}
	known := streamPlaces{}
	known.learn(told, table)
	for name, all := range table.Members {
		if backend := told.ByName(name); backend != nil && backend.Protocol != "tcp" {
			for _, member := range all {
				if address, ok := addressOf(member); ok {
					delete(known, address)
				}
			}
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	count := make(map[netip.AddrPort]int, len(known))
	for address := range known {
		count[address] = 0
	}
	if err := connections(count); err != nil {
		return nil, err
	}
	found := make(map[string]int, len(known))
	for address, place := range known {
		found[place.backend+"/"+place.member] = count[address]
	}
	return found, nil
}
