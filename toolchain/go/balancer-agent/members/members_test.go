package members

import (
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
)

func slice(name string, ready, terminating bool, pods ...string) *discovery.EndpointSlice {
	port, portName := int32(8080), "http"
	found := &discovery.EndpointSlice{
		AddressType: discovery.AddressTypeIPv4,
		Ports:       []discovery.EndpointPort{{Name: &portName, Port: &port}},
	}
	found.Name = name
	for _, pod := range pods {
		found.Endpoints = append(found.Endpoints, discovery.Endpoint{
			Addresses:  []string{"10.2.0." + pod},
			TargetRef:  &core.ObjectReference{Kind: "Pod", Name: "web-" + pod},
			Conditions: discovery.EndpointConditions{Ready: &ready, Terminating: &terminating},
		})
	}
	return found
}

func TestEndpointsOfSlices(t *testing.T) {
	found := FromSlices([]*discovery.EndpointSlice{
		slice("b", false, false, "1"), slice("a", true, false, "1", "2"), slice("c", true, true, "3"),
	}, "http")
	if len(found) != 3 {
		t.Fatalf("an endpoint in two slices counts once: %v", found)
	}
	if first := found[0]; first != (Endpoint{Name: "web-1", Host: "10.2.0.1", Port: 8080, Ready: true}) {
		t.Errorf("ready where any slice says so: %v", first)
	}
	if last := found[2]; last.Ready || !last.Terminating {
		t.Errorf("who ends is not ready: %v", last)
	}
	if byNumber := FromSlices([]*discovery.EndpointSlice{slice("a", true, false, "1")}, "8080"); len(byNumber) != 1 {
		t.Errorf("a port by its number: %v", byNumber)
	}
	if other := FromSlices([]*discovery.EndpointSlice{slice("a", true, false, "1")}, "metrics"); len(other) != 0 {
		t.Errorf("another port: %v", other)
	}
}

func states(tracker *Tracker) map[string]State {
	found := map[string]State{}
	for _, member := range tracker.All() {
		found[member.ID] = member.State
	}
	return found
}

func TestMembersServeDrainAndComeBack(t *testing.T) {
	tracker, now := NewTracker(), time.Unix(1000, 0)
	one := Endpoint{Name: "web-1", Host: "10.2.0.1", Port: 80, Ready: true}
	two := Endpoint{Name: "web-2", Host: "10.2.0.2", Port: 80, Ready: true}
	tracker.Update(now, []Endpoint{one, two}, nil)
	ending := two
	ending.Ready, ending.Terminating = false, true
	tracker.Update(now.Add(time.Second), []Endpoint{one, ending}, nil)
	if found := states(tracker); found["web-1"] != Serving || found["web-2"] != Draining {
		t.Fatal(found)
	}
	tracker.Update(now.Add(5*time.Second), []Endpoint{one}, nil)
	if since := tracker.All()[1].Since; !since.Equal(now.Add(time.Second)) {
		t.Errorf("its grace began when it began to drain, not at %v", since)
	}
	tracker.Update(now, []Endpoint{one, two}, []string{"web-1"})
	if found := states(tracker); found["web-1"] != Leaving || found["web-2"] != Serving {
		t.Fatal(found)
	}
	tracker.Forget("web-1")
	if found := states(tracker); len(found) != 1 {
		t.Fatal(found)
	}
}

func TestANamesakeIsAnotherMember(t *testing.T) {
	tracker, now := NewTracker(), time.Unix(1000, 0)
	tracker.Update(now, []Endpoint{{Name: "db-0", Host: "10.2.0.1", Port: 80, Ready: true}}, nil)
	tracker.Update(now, []Endpoint{{Name: "db-0", Host: "10.2.0.9", Port: 80, Ready: true}}, nil)
	if found := states(tracker); found["db-0"] != Draining || found["db-0:2"] != Serving {
		t.Fatal(found)
	}
}

func TestWhoWasNeverReadyIsNoMember(t *testing.T) {
	tracker := NewTracker()
	tracker.Update(time.Unix(1, 0), []Endpoint{{Name: "a", Host: "10.2.0.1", Port: 80}}, nil)
	if len(tracker.All()) != 0 {
		t.Fatal(tracker.All())
	}
}
