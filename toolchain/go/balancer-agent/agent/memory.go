package agent

import (
	"encoding/json"
	"log"
	"os"
	"time"

	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
)

// remember keeps the members for a start of this container while the API server is away.
func (a *Agent) remember() {
	kept := map[string][]members.Endpoint{}
	for name, all := range a.table.Members {
		for _, member := range all {
			if member.State != members.Draining {
				kept[name] = append(kept[name], members.Endpoint{
					Name: member.Name, Host: member.Host, Port: member.Port, Ready: true,
				})
			}
		}
	}
	text, err := json.Marshal(kept)
	if err == nil {
		err = os.WriteFile(a.settings.memory()+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(a.settings.memory()+".new", a.settings.memory())
	}
	if err != nil {
		log.Printf("members are not remembered: %v", err)
	}
}

// recall brings back the members of before, until the API server tells better.
func (a *Agent) recall(told *model.Model) {
	text, err := os.ReadFile(a.settings.memory())
	if err != nil {
		return
	}
	var kept map[string][]members.Endpoint
	if json.Unmarshal(text, &kept) != nil {
		return
	}
	for name, endpoints := range kept {
		if backend := told.ByName(name); backend != nil && backend.Service != nil {
			tracker := members.NewTracker()
			tracker.Update(time.Now(), endpoints, nil)
			a.trackers[name] = tracker
		}
	}
}
