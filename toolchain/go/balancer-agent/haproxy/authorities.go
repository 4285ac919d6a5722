package haproxy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"

	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/program"
)

// authorityFile is where an authority's certificate is kept, seen from the working files: its name tells its content.
func authorityFile(certificate string) string {
	return fmt.Sprintf("authority-%x.pem", sha256.Sum256([]byte(certificate)))
}

func authorities(table program.Table, wanted func(members.Member) bool) map[string]string {
	found := map[string]string{}
	for _, all := range table.Members {
		for _, member := range all {
			if member.Authority != "" && wanted(member) {
				found[authorityFile(member.Authority)] = member.Authority
			}
		}
	}
	return found
}

func serves(member members.Member) bool { return member.State == members.Serving }

// keepAuthorities writes those that a configuration names; they are what the next process knows.
func (d *Driver) keepAuthorities(table program.Table) (map[string]bool, error) {
	known := map[string]bool{}
	for file, certificate := range authorities(table, serves) {
		if err := os.WriteFile(d.place.path(file), []byte(certificate), 0o600); err != nil {
			return nil, err
		}
		known[file] = true
	}
	return known, nil
}

// trust tells the running HAProxy the authorities that it does not know yet: it reads no files while it runs.
func (d *Driver) trust(running commands, table program.Table) error {
	var problems []error
	for file, certificate := range authorities(table, serves) {
		if d.trusted[file] {
			continue
		}
		if err := running.addAuthority(d.place.path(file), certificate); err != nil {
			problems = append(problems, err)
			continue
		}
		d.trusted[file] = true
	}
	return errors.Join(problems...)
}

func (r commands) addAuthority(path, certificate string) error {
	if err := r.order("new ssl ca-file "+path, "New CA file created", "already exists"); err != nil {
		return err
	}
	answer, err := r.ask("set ssl ca-file "+path, strings.TrimSpace(certificate)+"\n")
	if err != nil {
		return err
	}
	if !strings.Contains(answer, "transaction created") && !strings.Contains(answer, "updated") {
		return fmt.Errorf("HAProxy refuses the authority %s: %s", path, answer)
	}
	return r.order("commit ssl ca-file "+path, "Success")
}
