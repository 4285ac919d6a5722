package haproxy

import (
	"strings"
	"testing"
	"time"

	"altostratus/toolchain/balancer-agent/documented"
	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
	"altostratus/toolchain/balancer-agent/shares"
)

func TestTheDocumentedTemplateIsFilled(t *testing.T) {
	told, template := documented.Example(t, "haproxy", "haproxy.cfg")
	table := program.Table{Members: map[string][]members.Member{"web": {
		{ID: "web-1", Name: "web-1", Host: "10.2.0.1", Port: 80, State: members.Serving},
		{ID: "web-2", Name: "web-2", Host: "10.2.0.2", Port: 80, State: members.Draining, Since: time.Now()},
	}}}
	text, err := render(told, template, table, "/run/x", 3)
	if err != nil {
		t.Fatal(err)
	}
	documented.Filled(
		t, text,
		"stats socket /run/x/haproxy-3.sock mode 600 level admin",
		"server web-1 10.2.0.1:80 weight 100 check inter 2000ms rise 2 fall 3 observe layer4",
		"maxconn 50", "use_backend search.1-engine if { var(txn.split) -m str search }",
		"lua.alto_wait 30000 if { nbsrv eq 0 } !{ stopping }",
	)
	if strings.Contains(text, "server web-2") {
		t.Error("who drains is in the configuration")
	}
	without := strings.ReplaceAll(template, "    # altostratus:backend db\n", "")
	if _, err := render(told, without, table, "/run/x", 3); err == nil || !strings.Contains(err.Error(), "backend db") {
		t.Errorf("a backend without its marker: %v", err)
	}
}

func TestWhoStandsByIsABackup(t *testing.T) {
	member := members.Member{ID: "away.10.0.0.1.80", Host: "10.0.0.1", Port: 80, State: members.Serving, Backup: true}
	if words := serverWords(&model.Backend{Protocol: "http"}, member); !strings.Contains(words, " backup ") {
		t.Error(words)
	}
	checked := &model.Backend{Protocol: "http", Health: &model.Health{Interval: 1, Rise: 1, Fall: 2}}
	if words := serverWords(checked, member); !strings.Contains(words, " check ") {
		t.Error(words)
	}
	member.Unchecked = true
	if words := serverWords(checked, member); strings.Contains(words, "check") {
		t.Error("the last resort is never down:", words)
	}
	member.Backup = false
	if words := serverWords(&model.Backend{Protocol: "http"}, member); strings.Contains(words, "backup") {
		t.Error(words)
	}
}

func TestMapsSteerRequests(t *testing.T) {
	told, _ := documented.Example(t, "haproxy", "haproxy.cfg")
	found := maps(told, program.Table{
		Splits: map[string][]shares.Share{
			"web":    {{Backend: "web", Part: 0.75}, {Backend: "web@second", Part: 0.25}},
			"search": {{Backend: "search.1/engine", Part: 1}},
		},
		Maintenance: map[string]string{"db": "Back at\n <six>"},
	}, "/x")
	dealt := strings.Join(found["/x/shares.map"], "\n")
	if strings.Count(dealt, " web--second") != 64 || len(found["/x/shares.map"]) != slots {
		t.Errorf("shares: %s", dealt)
	}
	if home := found["/x/homes.map"]; len(home) != 1 || home[0] != "search "+alone {
		t.Errorf("homes: %v", home)
	}
	if text := found["/x/maintenance.map"][0]; text != "db Back at &lt;six&gt;" {
		t.Errorf("maintenance: %s", text)
	}
}

func TestFiguresOfHAProxy(t *testing.T) {
	stat, err := parseStat(`# pxname,svname,qcur,qmax,scur,smax,status,
web,m1,1,0,4,9,UP,
web,m2,0,0,3,9,DOWN 1/2,
web,m3,0,0,1,9,MAINT,
web,BACKEND,5,0,13,9,UP,
`)
	if err != nil {
		t.Fatal(err)
	}
	sample := stat["web"].sample()
	if sample.InFlight != (program.InFlight{Serving: 8, Queued: 5}) {
		t.Errorf("%+v", sample.InFlight)
	}
	for id, health := range map[string]program.Health{
		"m1": program.Up, "m2": program.Starting, "m3": program.Closed,
	} {
		if found := sample.Members[id].Health; found != health {
			t.Errorf("%s is %s", id, found)
		}
	}
	if _, err := parseStat("nonsense"); err == nil {
		t.Error("nonsense was read")
	}
}

func TestLinesOfTheLog(t *testing.T) {
	for text, wanted := range map[string]line{
		"web\tm1\t200\t12\t--\t0\t-\tsplit\t,rest":      {backend: "web", server: "m1", status: 200, seconds: 0.012, split: "split"},
		"web\t<NOSRV>\t503\t10\tLR\t0\tqueue-full\t-\t": {backend: "web", status: 503, seconds: 0.01, reason: "queue-full"},
		"web\tm1\t200\t-1\tSD\t+2\t-\t-\t":              {backend: "web", server: "m1", status: 200, retries: 2},
	} {
		found, ok := parseLine([]byte(text), program.Words{})
		if !ok || found.backend != wanted.backend || found.server != wanted.server || found.status != wanted.status ||
			found.seconds != wanted.seconds || found.reason != wanted.reason || found.split != wanted.split ||
			found.retries != wanted.retries {
			t.Errorf("%q: %+v", text, found)
		}
	}
	if _, ok := parseLine([]byte("[NOTICE] something else"), program.Words{}); ok {
		t.Error("another line was read")
	}
}

func TestWhoFailedIsReadFromHowItEnded(t *testing.T) {
	for _, each := range []struct {
		ended, server string
		status        int
		by            figures.By
		unanswered    bool
	}{
		{"--", "m1", 200, figures.Nobody, false}, {"--", "m1", 500, figures.TheirOwn, false},
		{"SC", "m1", 503, figures.TheirOwn, true}, {"SD", "m1", 200, figures.TheirOwn, true},
		{"sQ", "", 503, figures.Balancer, true}, {"CD", "m1", 200, figures.Client, true},
		{"LR", "", 503, figures.Balancer, true}, {"LR", "", 429, figures.Nobody, true},
		{"sH", "m1", 504, figures.TheirOwn, true},
	} {
		found := line{ended: each.ended, server: each.server, status: each.status}
		if by := found.failed(); by != each.by {
			t.Errorf("%+v: %q", each, by)
		}
		if found.unanswered() != each.unanswered {
			t.Errorf("%+v: unanswered %v", each, found.unanswered())
		}
	}
}
