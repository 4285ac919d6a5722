// Package members follows who serves: endpoints that come and go, and members that finish what they serve.
package members

import (
	"cmp"
	"slices"
	"strconv"

	discovery "k8s.io/api/discovery/v1"

	"altostratus/toolchain/balancer-agent/model"
)

// Endpoint is where one member can be reached, as Kubernetes or a document tells it.
type Endpoint struct {
	Name        string
	Host        string
	Port        int
	Ready       bool
	Terminating bool
	Backup      bool
	Unchecked   bool
	Authority   string
	Verify      string
}

// FromAddresses are members that are told; all are ready.
func FromAddresses(addresses []model.Address) []Endpoint {
	found := make([]Endpoint, len(addresses))
	for i, address := range addresses {
		found[i] = Endpoint{
			Name: address.Name, Host: address.Host, Port: address.Port, Ready: true,
			Backup: address.Backup, Unchecked: address.Unchecked,
			Authority: address.Authority, Verify: address.Verify,
		}
	}
	return found
}

// FromSlices reads the endpoints of one Service's slices for one port, which is a name or a number.
//
// An endpoint that lies in two slices (it may, while one is being rewritten) counts once, as ready where any
// says so. IPv4 goes before IPv6 where a Pod has both.
func FromSlices(slices_ []*discovery.EndpointSlice, port model.PortRef) []Endpoint {
	ordered := slices.Clone(slices_)
	slices.SortStableFunc(ordered, func(a, b *discovery.EndpointSlice) int {
		return cmp.Or(cmp.Compare(a.AddressType, b.AddressType), cmp.Compare(a.Name, b.Name))
	})
	byName := map[string]int{}
	var found []Endpoint
	for _, slice := range ordered {
		number := portOf(slice, port)
		if slice.AddressType == discovery.AddressTypeFQDN || number == 0 {
			continue
		}
		for _, each := range slice.Endpoints {
			if len(each.Addresses) == 0 {
				continue
			}
			endpoint := read(each, number)
			if i, known := byName[endpoint.Name]; known {
				if endpoint.Ready && !found[i].Ready {
					found[i] = endpoint
				}
				continue
			}
			byName[endpoint.Name] = len(found)
			found = append(found, endpoint)
		}
	}
	return found
}

func read(each discovery.Endpoint, port int) Endpoint {
	name := each.Addresses[0]
	if each.TargetRef != nil && each.TargetRef.Name != "" {
		name = each.TargetRef.Name
	}
	terminating := each.Conditions.Terminating != nil && *each.Conditions.Terminating
	return Endpoint{
		Name: name,
		Host: each.Addresses[0],
		Port: port,
		// Kubernetes: no word on readiness means ready.
		Ready:       (each.Conditions.Ready == nil || *each.Conditions.Ready) && !terminating,
		Terminating: terminating,
	}
}

func portOf(slice *discovery.EndpointSlice, wanted model.PortRef) int {
	number, err := strconv.Atoi(string(wanted))
	for _, port := range slice.Ports {
		if port.Port == nil {
			continue
		}
		if err == nil && int(*port.Port) == number {
			return number
		}
		if err != nil && port.Name != nil && *port.Name == string(wanted) {
			return int(*port.Port)
		}
	}
	return 0
}
