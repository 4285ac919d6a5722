package haproxy

import (
	"fmt"
	"html"
	stdmaps "maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"altostratus/toolchain/balancer-agent/markers"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
	"altostratus/toolchain/balancer-agent/shares"
)

// slots are what the requests of a split are dealt into: shares are exact to 0.4 %.
const slots = 256

// The pipe that every HAProxy inherits: unlike a ring, it takes lines from a process that is stopping, too.
const (
	logDescriptor = 3
	longestLine   = 12000
)

// An old process may serve long connections for this long after a reload.
const oldMost = "3600s"

// A process that finishes after a reload calls every backend empty, though it balances as before.
const (
	nobody   = "{ nbsrv eq 0 } !{ stopping }"
	somebody = "{ nbsrv gt 0 }"
)

// In the map of homes: this split's only backend stands in the configuration itself. No backend is called so.
const alone = "alone:"

// folder names the working files.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

func (f folder) homes() string       { return f.path("homes.map") }
func (f folder) shares() string      { return f.path("shares.map") }
func (f folder) others() string      { return f.path("others.map") }
func (f folder) maintenance() string { return f.path("maintenance.map") }
func (f folder) reasons() string     { return f.path("reasons.map") }
func (f folder) page() string        { return f.path("page.html") }
func (f folder) lua() string         { return f.path("waiting.lua") }
func (f folder) socket(generation int) string {
	return f.path(fmt.Sprintf("haproxy-%d.sock", generation))
}

// render makes the configuration that is run.
func render(told *model.Model, template string, table program.Table, place folder, generation int) (string, error) {
	placed := map[string]bool{}
	text, err := markers.Fill(template, map[string]markers.Filler{
		"global":   func(string) ([]string, error) { return globalLines(place, generation), nil },
		"sections": func(string) ([]string, error) { return nil, nil }, // kept for what may be needed there
		"log":      func(mode string) ([]string, error) { return logLines(told, place, mode == "tcp"), nil },
		"pick":     func(string) ([]string, error) { return pickLines(told, place), nil },
		"backend": func(name string) ([]string, error) {
			backend := told.ByName(name)
			if backend == nil {
				return nil, fmt.Errorf("the model has no backend named %q", name)
			}
			placed[name] = true
			return backendLines(backend, table.Members[name], place), nil
		},
	}, "global", "sections")
	if err != nil {
		return "", fmt.Errorf("haproxy.cfg: %w", err)
	}
	for _, backend := range told.Backends {
		if !placed[backend.Name] {
			return "", fmt.Errorf("haproxy.cfg: the marker \"backend %s\" is missing", backend.Name)
		}
	}
	return text, nil
}

func globalLines(place folder, generation int) []string {
	return []string{
		"stats socket " + place.socket(generation) + " mode 600 level admin expose-fd listeners",
		"stats timeout 30s",
		"lua-load " + place.lua(),
		"ca-base " + string(place),
		"hard-stop-after " + oldMost,
		// Go knows the container's share of processors, HAProxy does not.
		fmt.Sprintf("nbthread %d", runtime.GOMAXPROCS(0)),
	}
}

func logLines(told *model.Model, place folder, tcp bool) []string {
	figures := `%b\t%s\t%ST\t%Ta\t%ts\t%rc\t%[var(txn.reason)]\t%[var(txn.split)]\t`
	fields := `,"client":"%ci","listener":"%f","protocol":"%HV","method":"%HM"` +
		`,"host":"%[capture.req.hdr(0),json(utf8s)]","path":"%[capture.req.uri,json(utf8s)]"` +
		`,"userAgent":"%[capture.req.hdr(1),json(utf8s)]","tenant":"%[var(txn.tenant),json(utf8s)]"` +
		`,"status":%ST,"milliseconds":%Ta,"waited":%Tw,"bytesIn":%U,"bytesOut":%B,"ended":"%ts"`
	if tcp {
		figures = `%b\t%s\t0\t%Tt\t%ts\t%rc\t-\t-\t`
		fields = `,"client":"%ci","listener":"%f","protocol":"tcp"` +
			`,"milliseconds":%Tt,"waited":%Tw,"bytesIn":%U,"bytesOut":%B,"ended":"%ts"`
	}
	lines := []string{fmt.Sprintf("log fd@%d len %d format raw local0", logDescriptor, longestLine)}
	format := figures
	if told.AccessLog == "json" {
		format += fields
		if !tcp {
			lines = append(lines, "capture request header Host len 253", "capture request header User-Agent len 200")
		}
	}
	lines = append(lines, `log-format "`+strings.ReplaceAll(format, `"`, `\"`)+`"`)
	if !tcp {
		lines = append(
			lines,
			// After a reload or when ending: answer what comes on open connections, and close them then.
			"option idle-close-on-response",
			"http-error status 503 "+answer(place, "unavailable"),
		)
	}
	return lines
}

func answer(place folder, reason string) string {
	return fmt.Sprintf(
		`content-type "text/html; charset=utf-8" hdr Cache-Control no-store hdr Retry-After 5`+
			` hdr X-Altostratus-Reason %s lf-file %s`, reason, place.page(),
	)
}

// pickLines: a split with one backend needs no share, and costs no look into a map.
func pickLines(told *model.Model, place folder) []string {
	lines := []string{
		"http-request set-var(txn.reason) str(no-route) if !{ var(txn.split) -m found }",
		"http-request return status 503 " + answer(place, "no-route") + " if { var(txn.reason) -m str no-route }",
	}
	names := slices.Sorted(stdmaps.Keys(told.Splits))
	single := func(name string) bool { return len(told.Splits[name]) == 1 }
	if told.Shared() {
		lines = append(lines, sharedLines(place)...)
	}
	for _, name := range names {
		if !single(name) {
			continue
		}
		line := "use_backend " + told.Backends[told.Splits[name][0].Backend].Name
		if len(names) > 1 {
			line += " if { var(txn.split) -m str " + name + " }"
		}
		lines = append(lines, line)
	}
	return lines
}

// sharedLines choose the backend of a split that has several.
func sharedLines(place folder) []string {
	return []string{
		"http-request set-var(txn.backend) var(txn.split),map(" + place.homes() + ")",
		"http-request set-var(txn.slot) rand(" + fmt.Sprint(slots) + ") if !{ var(txn.backend) -m found }",
		"http-request set-var(txn.backend) var(txn.split),concat(/,txn.slot),map(" + place.shares() + ")" +
			" if { var(txn.slot) -m found }",
		// The agent hears of a lost backend a moment after HAProxy does.
		"http-request set-var(txn.backend) var(txn.split),map(" + place.others() + ")" +
			" if { var(txn.slot) -m found } { var(txn.backend),nbsrv eq 0 } !{ stopping }",
		"http-request set-var(txn.reason) str(no-members) if !{ var(txn.backend) -m found }",
		"http-request return status 503 " + answer(place, "no-members") + " if { var(txn.reason) -m str no-members }",
		"use_backend %[var(txn.backend)] if !{ var(txn.backend) -m str " + alone + " }",
	}
}

func backendLines(backend *model.Backend, all []members.Member, place folder) []string {
	var lines []string
	wait := backend.Timeouts.Queue.Milliseconds()
	if backend.Protocol == "tcp" {
		lines = append(
			lines,
			fmt.Sprintf("tcp-request inspect-delay %dms", wait+1000),
			fmt.Sprintf("tcp-request content lua.alto_wait %d if %s", wait, nobody),
			"tcp-request content reject if "+nobody,
		)
	} else {
		lines = append(lines, requestLines(backend, place)...)
	}
	if backend.Health != nil {
		lines = append(lines, fmt.Sprintf("timeout check %dms", backend.Health.Timeout.Milliseconds()))
	}
	for _, member := range all {
		if member.State == members.Serving {
			lines = append(lines, "server "+member.ID+" "+serverWords(backend, member))
		}
	}
	return lines
}

func requestLines(backend *model.Backend, place folder) []string {
	length := backend.Queue.Length
	set := func(reason, condition string) string {
		return fmt.Sprintf("http-request set-var(txn.reason) str(%s) if %s", reason, condition)
	}
	lines := []string{
		// In maintenance nobody serves: only then this needs to be looked at.
		fmt.Sprintf("http-request set-var(txn.notice) str(%s),map(%s) if %s", backend.Name, place.maintenance(), nobody),
		set("maintenance", nobody+" { var(txn.notice) -m found }"),
		set("queue-full", fmt.Sprintf("%s { be_conn gt %d }", nobody, length)),
	}
	if backend.Queue.MemberConnections > 0 {
		lines = append(lines, set("queue-full", fmt.Sprintf("{ queue ge %d } %s", length, somebody)))
	}
	return append(
		lines,
		fmt.Sprintf("http-request lua.alto_wait %d if %s !{ var(txn.reason) -m found }",
			backend.Timeouts.Queue.Milliseconds(), nobody),
		"http-request return status 503 "+answer(place, "%[var(txn.reason)]")+" if { var(txn.reason) -m found }",
	)
}

// serverWords are the same in the configuration and for the runtime API, which knows no default-server.
func serverWords(backend *model.Backend, member members.Member) string {
	words := []string{member.Address(), "weight 100"}
	if health := backend.Health; health != nil && !member.Unchecked {
		words = append(
			words,
			fmt.Sprintf("check inter %dms rise %d fall %d", health.Interval.Milliseconds(), health.Rise, health.Fall),
			// A member that refuses connections is out before its next checks fail.
			"observe layer4 error-limit 3 on-error mark-down",
		)
	}
	if most := backend.Queue.MemberConnections; most > 0 {
		words = append(words, fmt.Sprintf("maxconn %d", most))
	}
	switch backend.Protocol {
	case "https":
		words = append(words, tlsWords(member))
		if backend.Health != nil && !member.Unchecked {
			// Only in the configuration is a check as its server is.
			words = append(words, "check-ssl")
			if member.Verify != "" {
				words = append(words, "check-sni "+member.Verify)
			}
		}
	case "h2c":
		words = append(words, "proto h2")
	}
	if backend.StartSlowly > 0 {
		words = append(words, fmt.Sprintf("slowstart %dms", backend.StartSlowly.Milliseconds()))
	}
	if member.Backup {
		words = append(words, "backup")
	}
	// A member that has finished can be taken out only when no idle connection to it is left.
	words = append(words, "pool-purge-delay 1s")
	return strings.Join(words, " ")
}

func tlsWords(member members.Member) string {
	if member.Authority == "" {
		return "ssl verify none"
	}
	return fmt.Sprintf("ssl verify required ca-file %s verifyhost %s sni str(%s)",
		authorityFile(member.Authority), member.Verify, member.Verify)
}

// maps are the files that requests are steered by.
func maps(told *model.Model, table program.Table, place folder) map[string][]string {
	var homes, dealt, others, maintenance []string
	name := func(key string) string { return told.Backends[key].Name }
	for split, parts := range table.Splits {
		if len(told.Splits[split]) == 1 {
			homes = append(homes, split+" "+alone)
			continue
		}
		if home := slices.IndexFunc(parts, func(s shares.Share) bool { return s.Part >= 1 }); home >= 0 {
			// Dealt as well: while one map follows the other, either has an answer.
			homes = append(homes, split+" "+name(parts[home].Backend))
		}
		slot, largest := 0, 0
		for i, count := range shares.Slots(parts, slots) {
			if parts[i].Part > parts[largest].Part {
				largest = i
			}
			for range count {
				dealt = append(dealt, fmt.Sprintf("%s/%d %s", split, slot, name(parts[i].Backend)))
				slot++
			}
		}
		if slot > 0 {
			others = append(others, split+" "+name(parts[largest].Backend))
		}
	}
	for backend, text := range table.Maintenance {
		maintenance = append(maintenance, backend+" "+html.EscapeString(strings.Join(strings.Fields(text), " ")))
	}
	found := map[string][]string{place.maintenance(): maintenance}
	if told.Shared() { // else the configuration does not name them
		found[place.homes()], found[place.shares()], found[place.others()] = homes, dealt, others
	}
	for _, lines := range found {
		slices.Sort(lines)
	}
	return found
}
