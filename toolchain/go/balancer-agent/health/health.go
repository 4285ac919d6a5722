// Package health asks members whether they serve, for programs that do not do so themselves.
package health

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
)

// Checker keeps one check running for each member.
type Checker struct {
	mutex   sync.Mutex
	checks  map[string]*check // by backend name and member id
	changed func()
	client  *http.Client
}

type check struct {
	stop context.CancelFunc
	told string // what it checks, to see a change
	down bool
}

// New makes a checker; `changed` is called when a member comes or goes.
func New(changed func()) *Checker {
	return &Checker{
		checks: map[string]*check{}, changed: changed,
		client: &http.Client{
			// Members make their own certificates; redirects are answers.
			Transport: &http.Transport{
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Follow checks exactly these members from now on. New ones count as serving: Kubernetes called them ready.
func (c *Checker) Follow(told *model.Model, all map[string][]members.Member) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	wanted := map[string]bool{}
	for name, list := range all {
		backend := told.ByName(name)
		if backend == nil || backend.Health == nil {
			continue
		}
		for _, member := range list {
			if member.State != members.Serving {
				continue
			}
			key, what := name+"/"+member.ID, fmt.Sprint(member.Address(), backend.Protocol, *backend.Health)
			wanted[key] = true
			if known := c.checks[key]; known != nil && known.told == what {
				continue
			} else if known != nil {
				known.stop()
			}
			context_, stop := context.WithCancel(context.Background())
			c.checks[key] = &check{stop: stop, told: what}
			go c.run(context_, c.checks[key], backend, member.Address())
		}
	}
	for key, check := range c.checks {
		if !wanted[key] {
			check.stop()
			delete(c.checks, key)
		}
	}
}

// Down says whether a member fails its checks.
func (c *Checker) Down(backend, id string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	check := c.checks[backend+"/"+id]
	return check != nil && check.down
}

func (c *Checker) run(context_ context.Context, own *check, backend *model.Backend, address string) {
	passed, failed := 0, 0
	ticker := time.NewTicker(backend.Health.Interval.Duration())
	defer ticker.Stop()
	for {
		if c.ask(context_, backend, address) == nil {
			passed, failed = passed+1, 0
		} else {
			passed, failed = 0, failed+1
		}
		if context_.Err() != nil {
			return
		}
		c.mutex.Lock()
		before := own.down
		switch {
		case failed >= backend.Health.Fall:
			own.down = true
		case passed >= backend.Health.Rise:
			own.down = false
		}
		turned := before != own.down
		c.mutex.Unlock()
		if turned {
			c.changed()
		}
		select {
		case <-context_.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *Checker) ask(context_ context.Context, backend *model.Backend, address string) error {
	within, cancel := context.WithTimeout(context_, backend.Health.Timeout.Duration())
	defer cancel()
	if backend.Health.Path == "" || backend.Protocol == "tcp" || backend.Protocol == "h2c" {
		connection, err := (&net.Dialer{}).DialContext(within, "tcp", address)
		if err == nil {
			_ = connection.Close()
		}
		return err
	}
	scheme := "http"
	if backend.Protocol == "https" {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(within, http.MethodGet, scheme+"://"+address+backend.Health.Path, nil)
	if err != nil {
		return err
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode < 200 || answer.StatusCode >= 400 {
		return fmt.Errorf("it answers %d", answer.StatusCode)
	}
	return nil
}
