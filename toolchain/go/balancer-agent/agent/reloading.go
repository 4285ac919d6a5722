package agent

import (
	"fmt"
	"log"
	"strings"
	"time"
)

func (a *Agent) readControlData() {
	fromCluster := ""
	if a.source != nil {
		fromCluster = a.source.Control()
	}
	control, hash, err := readControl(a.settings, fromCluster)
	if err != nil {
		if a.controls.Problem != err.Error() {
			log.Printf("control data is not used: %v", err)
		}
		a.controls = controlStatus{hash, err.Error()}
		return // the last good one stays
	}
	a.control = control
	a.controls = controlStatus{hash, strings.Join(control.Unknown(a.loaded.model), "; ")}
}

// readFiles takes a changed configuration, if the program does.
func (a *Agent) readFiles() {
	found, err := readConfiguration(a.settings, a.driver.Template())
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if found.hash == "" || found.hash == a.loaded.hash || (a.refused != nil && found.hash == a.refused.Hash) {
		if found.hash == a.loaded.hash {
			a.refused = nil
		}
		return
	}
	if err == nil && a.patient() {
		return // they wait for a first member, and would not outlive a reload
	}
	if err == nil && found.model.Driver != a.loaded.model.Driver {
		err = fmt.Errorf("the driver cannot change from %s to %s here", a.loaded.model.Driver, found.model.Driver)
	}
	before := a.loaded
	if err == nil {
		a.loaded = found
		a.follow()
		err = a.driver.Load(found.model, found.template, a.table)
	}
	if err != nil {
		a.loaded = before
		a.follow()
		a.refused = &Refusal{At: unix(time.Now()), Hash: found.hash, Reason: err.Error()}
		log.Printf("configuration %s is refused, %s stays: %v", found.hash, before.hash, err)
		return
	}
	a.loadedAt, a.refused = time.Now(), nil
	a.reloads++
	for name := range a.trackers {
		if found.model.ByName(name) == nil {
			delete(a.trackers, name)
		}
	}
	a.watch(found.model)
	log.Printf("configuration %s is in force", found.hash)
}

// patient says whether a new configuration had better wait a little: requests wait for a first member.
func (a *Agent) patient() bool {
	for name, since := range a.waiting {
		backend := a.loaded.model.ByName(name)
		if backend != nil && a.serving(backend, a.table) == 0 && time.Since(since) < reloadWaits {
			return true
		}
	}
	return false
}

// watchWaiting notes since when requests wait for a first member.
func (a *Agent) watchWaiting() {
	samples, err := a.driver.Samples()
	if err != nil {
		return
	}
	a.samples = samples
	for name, sample := range samples {
		if sample.InFlight.Queued == 0 {
			delete(a.waiting, name)
		} else if _, known := a.waiting[name]; !known {
			a.waiting[name] = time.Now()
		}
	}
}
