package nginx

import (
	"net/netip"
	"strings"
	"testing"

	"altostratus/toolchain/balancer-agent/documented"
	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/program"
	"altostratus/toolchain/balancer-agent/shares"
)

func TestTheDocumentedTemplateIsFilled(t *testing.T) {
	told, template := documented.Example(t, "nginx", "nginx.conf")
	table := program.Table{Members: map[string][]members.Member{"db": {
		{ID: "db-0", Name: "db-0", Host: "10.2.0.1", Port: 3306, State: members.Serving},
	}}}
	text, err := render(told, template, table, "/run/x", 3)
	if err != nil {
		t.Fatal(err)
	}
	documented.Filled(
		t, text,
		"load_module modules/ngx_stream_module.so;", "upstream db {", "server 10.2.0.1:3306 max_fails=1",
		`require("altostratus.request").enter("search")`, "proxy_next_upstream error;", "proxy_next_upstream_tries 3;",
		"proxy_next_upstream off;", "generation = 3",
	)
	if _, err := render(told, template+"# altostratus:route nobody\n", table, "/run/x", 3); err == nil {
		t.Error("a split that is not there was taken")
	}
}

func TestTheTableHoldsWhoServes(t *testing.T) {
	told, _ := documented.Example(t, "nginx", "nginx.conf")
	table := program.Table{
		Splits: map[string][]shares.Share{"web": {{Backend: "web@second", Part: 1}}},
		Members: map[string][]members.Member{"web": {
			{ID: "a", Host: "10.2.0.1", Port: 80, State: members.Serving}, {ID: "b", State: members.Draining},
			{ID: "c", State: members.Leaving}, {ID: "d", State: members.Serving},
		}},
		Maintenance: map[string]string{"search.1-engine": "gone"},
	}
	found := tableFor(told, table, func(_, id string) bool { return id == "d" })
	web := found.Backends["web"]
	if len(web.Members) != 1 || web.Members[0].ID != "a" || web.Most != 50 || web.Affinity.Name != "ALTOMEMBER" {
		t.Errorf("%+v", web)
	}
	if found.Splits["web"][0].Backend != "web--second" || found.Backends["search.1-engine"].Maintenance != "gone" {
		t.Errorf("%+v", found)
	}
	if _, tcp := found.Backends["db"]; tcp {
		t.Error("tcp backends are not Lua's")
	}
}

func TestLinesOfTheLog(t *testing.T) {
	for text, wanted := range map[string]struct {
		by      figures.By
		reason  string
		retries int
	}{
		"web\tm1\t200\t0.012\t200\t-\t\tweb\t":             {figures.Nobody, "", 0},
		"web\tm1\t200\t0.012\t502, 502, 200\t-\t\tweb\t":   {figures.Nobody, "", 2},
		"web\tm1\t502\t0.012\t502\t-\t\tweb\t":             {figures.TheirOwn, "", 0},
		"web\t\t503\t0.012\t\t-\tno-members\tweb\t":        {figures.Balancer, "no-members", 0},
		"web\tm1\t499\t0.012\t\t-\t\tweb\t":                {figures.Client, "", 0},
		"\t\t429\t0.000\t\t-\t\t\t,\"client\":\"1.2.3.4\"": {figures.Nobody, "rate-limit", 0},
	} {
		found, ok := parseLine([]byte(text), program.Words{})
		if !ok || found.failed() != wanted.by || found.reason != wanted.reason || found.retries() != wanted.retries {
			t.Errorf("%q: %+v", text, found)
		}
	}
	if _, ok := parseLine([]byte("nonsense"), program.Words{}); ok {
		t.Error("nonsense was read")
	}
}

func TestCookiesNameNobody(t *testing.T) {
	if value := cookie("shop", "web-1"); len(value) != 16 || strings.Contains(value, "web") {
		t.Error(value)
	}
	if cookie("shop", "web-1") == cookie("shop", "web-2") {
		t.Error("two members share a cookie")
	}
}

func TestConnectionsAreThoseOfTheKernelsTable(t *testing.T) {
	member, other := netip.MustParseAddrPort("10.2.0.1:3306"), netip.MustParseAddrPort("10.2.0.2:3306")
	known := map[netip.AddrPort]int{member: 0, other: 0}
	countSockets([]byte(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:33EA 00000000:0000 0A 00000000:00000000 00:00000000 00000000 10001 0 1
   1: 0500020A:C350 0100020A:0CEA 01 00000000:00000000 00:00000000 00000000 10001 0 2
   2: 0500020A:C351 0100020A:0CEA 08 00000000:00000000 00:00000000 00000000 10001 0 3
   3: 0500020A:C352 0100020A:0CEA 06 00000000:00000000 00:00000000 00000000 0 0 0
   4: 0500020A:C353 0900020A:0CEA 01 00000000:00000000 00:00000000 00000000 10001 0 5
`), known)
	countSockets([]byte(`   0: 0000000000000000FFFF00000500020A:C360 0000000000000000FFFF00000200020A:0CEA 01 0 0 0 0
`), known)
	if known[member] != 2 || known[other] != 1 || len(known) != 2 {
		t.Error(known)
	}
}

func TestTcpConnectionsAreTheirMembers(t *testing.T) {
	told, _ := documented.Example(t, "nginx", "nginx.conf")
	places := streamPlaces{}
	places.learn(told, program.Table{Members: map[string][]members.Member{
		"db": {{ID: "db-0", Host: "10.2.0.1", Port: 3306}}, "web": {{ID: "web-1", Host: "10.2.0.9", Port: 80}},
	}})
	for text, wanted := range map[string]figures.Ended{
		"-\t-\t200\t1.500\t10.2.0.1:3306\ttcp\t\t\t": {Backend: "db", Member: "db-0", Seconds: 1.5},
		"-\t-\t502\t0.001\t10.2.0.7:3306, 10.2.0.1:3306\ttcp\t\t\t": {
			Backend: "db", Member: "db-0", Seconds: 0.001, Failed: figures.TheirOwn, Retries: 1,
		},
		"-\t-\t502\t0.001\tunix:/run/nobody.db.sock\ttcp\t\t\t": {Backend: "db", Seconds: 0.001, Failed: figures.Balancer},
		"-\t-\t502\t0.001\t10.2.0.9:80\ttcp\t\t\t":              {Seconds: 0.001, Failed: figures.Balancer},
	} {
		line, ok := parseLine([]byte(text), program.Words{})
		if found := places.ended(line); !ok || !line.stream || found != wanted {
			t.Errorf("%q: %+v", text, found)
		}
	}
}

func TestConnectionsToAnAddressThatRequestsUseTooAreNobodys(t *testing.T) {
	told, _ := documented.Example(t, "nginx", "nginx.conf")
	db := members.Member{ID: "db-0", Host: "10.2.0.1", Port: 3306}
	other := members.Member{ID: "db-1", Host: "10.2.0.2", Port: 3306}
	found, err := serving(told, program.Table{Members: map[string][]members.Member{
		"db": {db, other}, "web": {{ID: "web-1", Host: "10.2.0.1", Port: 3306}},
	}})
	_, alone := found["db/db-1"]
	if err != nil || len(found) != 1 || !alone {
		t.Error(found, err)
	}
}
