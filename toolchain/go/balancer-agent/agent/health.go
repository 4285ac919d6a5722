package agent

import (
	"errors"
	"time"
)

// Ready says whether this replica should get requests, and if not, why.
//
// While a configuration is being loaded the answer is that of before: what runs goes on serving.
func (a *Agent) Ready() error {
	if !a.mutex.TryLock() {
		if before := a.readiness.Load(); before != nil {
			return *before
		}
		a.mutex.Lock()
	}
	defer a.mutex.Unlock()
	found := a.ready()
	a.readiness.Store(&found)
	return found
}

func (a *Agent) ready() error {
	process := a.driver.Process()
	switch {
	case a.draining:
		return errors.New("ending")
	case a.loaded.hash == "":
		return errors.New("nothing is loaded yet")
	case process == nil || !process.Running():
		return errors.New("the program does not run")
	case a.clients != nil && !a.synced && !a.anyMembers():
		return errors.New("the API server has not told any endpoints yet")
	case !a.applied:
		return errors.New("the program is not in line yet")
	}
	return nil
}

func (a *Agent) anyMembers() bool {
	for _, all := range a.table.Members {
		if len(all) > 0 {
			return true
		}
	}
	return false
}

// Alive says whether the agent's loop gets its turns: the mutex is free within a time.
func (a *Agent) Alive() error {
	free := make(chan struct{})
	go func() {
		a.mutex.Lock()
		//nolint:staticcheck // taking it is the question
		a.mutex.Unlock()
		close(free)
	}()
	select {
	case <-free:
		return nil
	case <-time.After(startPatience):
		return errors.New("the agent is stuck")
	}
}

const startPatience = 30 * time.Second
