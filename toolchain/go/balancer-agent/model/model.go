// Package model reads what a balancer is told: balancer.json and control data.
//
// docs/balancer-protocol.md says what the keys mean.
package model

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxWeight is the largest weight of a backend in a split.
const MaxWeight = 1_000_000

var (
	backendName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,200}$`)
	splitName   = regexp.MustCompile(`^[a-z0-9.-]{1,200}$`)
	tenantName  = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
	verifyName  = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}$`)
	path        = regexp.MustCompile(`^(/[!-~]*)?$`)
)

// Model is balancer.json.
type Model struct {
	Version       int                 `json:"version"`
	Name          string              `json:"name"`
	Driver        string              `json:"driver"`
	Application   string              `json:"application"`
	Tenant        string              `json:"tenant"`
	Cloud         string              `json:"cloud"`
	Namespace     string              `json:"namespace"`
	Control       string              `json:"control"`
	Draining      Seconds             `json:"draining"`
	AccessLog     string              `json:"accessLog"`
	ClientTimeout Seconds             `json:"clientTimeout"`
	Listeners     []Listener          `json:"listeners"`
	Splits        map[string][]Share  `json:"splits"`
	Backends      map[string]*Backend `json:"backends"`

	byName map[string]*Backend
}

// Listener is a port the balancer listens on.
type Listener struct {
	Name          string   `json:"name"`
	Port          int      `json:"port"`
	Bind          int      `json:"bind"`
	Protocol      string   `json:"protocol"`
	HTTP2         bool     `json:"http2"`
	ProxyProtocol bool     `json:"proxyProtocol"`
	RedirectTo    string   `json:"redirectTo"`
	Certificates  []string `json:"certificates"`
	Backend       string   `json:"backend"`
}

// Share is one backend's part in a split.
type Share struct {
	Backend string `json:"backend"`
	Weight  int    `json:"weight"`
	// ByMembers multiplies the weight by the number of serving members.
	ByMembers bool `json:"byMembers"`
}

// Backend is a set of members that are alike.
type Backend struct {
	Key         string    `json:"-"`
	Name        string    `json:"name"`
	Cluster     string    `json:"cluster"`
	Cloud       string    `json:"cloud"`
	Service     *Service  `json:"service"`
	Addresses   []Address `json:"addresses"`
	Protocol    string    `json:"protocol"`
	Algorithm   string    `json:"algorithm"`
	Affinity    *Affinity `json:"affinity"`
	Health      *Health   `json:"health"`
	Retries     Retries   `json:"retries"`
	Timeouts    Timeouts  `json:"timeouts"`
	Queue       Queue     `json:"queue"`
	Draining    Seconds   `json:"draining"`
	StartSlowly Seconds   `json:"startSlowly"`
}

// Service names the Kubernetes Service whose endpoints are the members.
type Service struct {
	Namespace string  `json:"namespace"`
	Name      string  `json:"name"`
	Port      PortRef `json:"port"`
}

// Address is a member that is told instead of found.
type Address struct {
	Name string `json:"name"`
	Host string `json:"host"`
	Port int    `json:"port"`
	// Backup members serve only while no other of the backend does.
	Backup bool `json:"backup"`
	// Unchecked backups are the last resort: they serve while no other of the backend does, whatever checks say.
	Unchecked bool `json:"unchecked"`
	// Authority is a certificate (PEM) that the member's has to be signed by, and Verify the name that it has to be
	// for; left out, an https member is not verified.
	Authority string `json:"authority"`
	Verify    string `json:"verify"`
}

// Affinity keeps a client on a member.
type Affinity struct {
	By       string  `json:"by"`
	Name     string  `json:"name"`
	Lifetime Seconds `json:"lifetime"`
}

// Health is how the balancer checks members.
type Health struct {
	Path     string  `json:"path"`
	Interval Seconds `json:"interval"`
	Timeout  Seconds `json:"timeout"`
	Rise     int     `json:"rise"`
	Fall     int     `json:"fall"`
}

// Retries says which failures are tried again, and how often.
type Retries struct {
	Attempts int      `json:"attempts"`
	On       []string `json:"on"`
}

// Timeouts of a backend.
type Timeouts struct {
	Connect Seconds `json:"connect"`
	Server  Seconds `json:"server"`
	Queue   Seconds `json:"queue"`
	Tunnel  Seconds `json:"tunnel"`
}

// Queue bounds what may wait.
type Queue struct {
	MemberConnections int `json:"memberConnections"`
	Length            int `json:"length"`
}

// Seconds is a duration, written as a number of seconds.
type Seconds float64

// Duration converts to Go's.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// Milliseconds rounds up, so that a short time never becomes none.
func (s Seconds) Milliseconds() int64 {
	return int64((s.Duration() + time.Millisecond - 1) / time.Millisecond)
}

// PortRef is a port's name, or its number in digits.
type PortRef string

// UnmarshalJSON reads a name or a number.
func (p *PortRef) UnmarshalJSON(data []byte) error {
	var number int
	if json.Unmarshal(data, &number) == nil {
		*p = PortRef(strconv.Itoa(number))
		return nil
	}
	var name string
	if err := json.Unmarshal(data, &name); err != nil {
		return fmt.Errorf("a port is a name or a number, not %s", data)
	}
	*p = PortRef(name)
	return nil
}

// UnmarshalJSON fills in what is left out.
func (b *Backend) UnmarshalJSON(data []byte) error {
	type plain Backend
	read := plain{
		Protocol:  "http",
		Algorithm: "round-robin",
		Timeouts:  Timeouts{Connect: 3, Server: 60, Queue: 30, Tunnel: 3600},
		Queue:     Queue{Length: 10_000},
		Draining:  30,
	}
	if err := strict(data, &read); err != nil {
		return err
	}
	*b = Backend(read)
	return nil
}

func strict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// Parse reads and checks balancer.json; the error names all that is wrong.
func Parse(data []byte) (*Model, error) {
	model := &Model{Draining: 30, AccessLog: "json", ClientTimeout: 60, byName: map[string]*Backend{}}
	if err := strict(data, model); err != nil {
		return nil, fmt.Errorf("balancer.json cannot be read: %w", err)
	}
	for key, backend := range model.Backends {
		if backend == nil {
			return nil, fmt.Errorf("balancer.json: backend %q is null", key)
		}
		backend.Key = key
		model.byName[backend.Name] = backend
	}
	if problems := model.problems(); len(problems) > 0 {
		return nil, fmt.Errorf("balancer.json: %w", errors.Join(problems...))
	}
	return model, nil
}

func (m *Model) problems() (found []error) {
	report := func(format string, values ...any) { found = append(found, fmt.Errorf(format, values...)) }
	if m.Version != 1 {
		report("version %d is not known; it is 1", m.Version)
	}
	if m.Name == "" {
		report("name is empty")
	}
	if !tenantName.MatchString(m.Tenant) {
		report("tenant %q: allowed are letters, digits, dots, underscores and dashes", m.Tenant)
	}
	if m.Driver != "haproxy" && m.Driver != "nginx" {
		report("driver %q is not known; there are haproxy and nginx", m.Driver)
	}
	if m.AccessLog != "json" && m.AccessLog != "none" {
		report("accessLog %q is not known; it is json or none", m.AccessLog)
	}
	for name, shares := range m.Splits {
		if !splitName.MatchString(name) {
			report("split name %q: allowed are a-z, 0-9, dots and dashes", name)
		}
		if len(shares) == 0 {
			report("split %q has no backend", name)
		}
		for _, share := range shares {
			if backend, ok := m.Backends[share.Backend]; !ok {
				report("split %q: there is no backend %q", name, share.Backend)
			} else if backend.Protocol == "tcp" {
				report("split %q: backend %q is tcp; splits are for requests", name, share.Backend)
			}
			if share.Weight < 0 || share.Weight > MaxWeight {
				report("split %q: weight %d of %q is not from 0 to %d", name, share.Weight, share.Backend, MaxWeight)
			}
		}
	}
	names := map[string]string{}
	for key, backend := range m.Backends {
		if other, taken := names[backend.Name]; taken {
			report("backends %q and %q have the same name %q", min(key, other), max(key, other), backend.Name)
		}
		names[backend.Name] = key
		for _, problem := range backend.problems() {
			report("backend %q: %w", key, problem)
		}
	}
	for _, listener := range m.Listeners {
		if _, ok := m.Backends[listener.Backend]; listener.Backend != "" && !ok {
			report("listener %q: there is no backend %q", listener.Name, listener.Backend)
		}
	}
	return found
}

func (b *Backend) problems() (found []error) {
	report := func(format string, values ...any) { found = append(found, fmt.Errorf(format, values...)) }
	oneOf := func(what, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			report("%s %q is not one of %v", what, value, allowed)
		}
	}
	if !backendName.MatchString(b.Name) {
		report("name %q: allowed are letters, digits, dots, underscores and dashes", b.Name)
	}
	if b.Cluster == "" {
		report("cluster is empty")
	}
	if b.Service == nil && b.Addresses == nil {
		report("it needs service or addresses")
	}
	if b.Service != nil && b.Addresses != nil {
		report("service and addresses exclude each other")
	}
	oneOf("protocol", b.Protocol, "http", "https", "h2c", "tcp")
	oneOf("algorithm", b.Algorithm, "round-robin", "least-connections", "weighted", "source")
	if b.Affinity != nil {
		oneOf("affinity", b.Affinity.By, "cookie", "source", "header")
	}
	if b.Health != nil {
		if !path.MatchString(b.Health.Path) {
			report("health path %q is not a path", b.Health.Path)
		}
		if b.Health.Interval <= 0 || b.Health.Timeout <= 0 || b.Health.Rise < 1 || b.Health.Fall < 1 {
			report("health: interval, timeout, rise and fall are more than 0")
		}
	}
	for _, failure := range b.Retries.On {
		oneOf("retries.on", failure, "connect", "empty", "timeout", "500", "502", "503", "504")
	}
	return append(found, addressProblems(b.Addresses)...)
}

func isCertificate(text string) bool {
	block, rest := pem.Decode([]byte(text))
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return false
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err == nil
}

func addressProblems(addresses []Address) (found []error) {
	for _, address := range addresses {
		if _, err := netip.ParseAddr(address.Host); err != nil {
			found = append(found, fmt.Errorf("address %q: host %q is not an IP address", address.Name, address.Host))
		}
		if address.Port < 1 || address.Port > 65535 {
			found = append(found, fmt.Errorf("address %q: port %d is not from 1 to 65535", address.Name, address.Port))
		}
		if !backendName.MatchString(address.Name) {
			found = append(found, fmt.Errorf("address name %q: letters, digits, dots, underscores and dashes", address.Name))
		}
		if (address.Authority == "") != (address.Verify == "") {
			found = append(found, fmt.Errorf("address %q: authority and verify go together", address.Name))
		} else if address.Authority != "" && (!isCertificate(address.Authority) || !verifyName.MatchString(address.Verify)) {
			found = append(found, fmt.Errorf("address %q: authority is no certificate, or verify no name", address.Name))
		}
	}
	return found
}

// ByName finds a backend by its name in the template; nil where there is none.
func (m *Model) ByName(name string) *Backend { return m.byName[name] }

// Shared says whether any split has several backends.
func (m *Model) Shared() bool {
	for _, shares := range m.Splits {
		if len(shares) > 1 {
			return true
		}
	}
	return false
}
