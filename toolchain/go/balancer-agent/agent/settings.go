// Package agent ties it together: what is told, who serves, what runs, and what readers see.
package agent

import (
	"os"
	"path/filepath"
)

// Settings are the agent's places and its name.
type Settings struct {
	Folder      string // balancer.json and the template
	Run         string
	TokenFile   string
	State       string // the state endpoint's certificate
	ControlFile string
	Replica     string
	Listen      string
}

// FromEnvironment reads the settings; docs/balancer-protocol.md has their defaults.
func FromEnvironment() Settings {
	value := func(name, otherwise string) string {
		if found := os.Getenv(name); found != "" {
			return found
		}
		return otherwise
	}
	host, _ := os.Hostname()
	return Settings{
		Folder:      value("ALTO_BALANCER_FOLDER", "/etc/altostratus/balancer"),
		Run:         value("ALTO_RUN_FOLDER", "/run/altostratus"),
		TokenFile:   value("ALTO_TOKEN_FILE", "/etc/altostratus/token/token"),
		State:       value("ALTO_STATE_FOLDER", "/etc/altostratus/state"),
		ControlFile: value("ALTO_CONTROL_FILE", ""),
		Replica:     value("POD_NAME", host),
		Listen:      value("ALTO_STATE_LISTEN", ":8404"),
	}
}

func (s Settings) model() string { return filepath.Join(s.Folder, "balancer.json") }

func (s Settings) memory() string { return filepath.Join(s.Run, "members.json") }
