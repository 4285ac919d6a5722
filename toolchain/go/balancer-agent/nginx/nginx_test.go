package nginx

import (
	"os"
	"strings"
	"testing"

	"altostratus/toolchain/balancer-agent/figures"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
	"altostratus/toolchain/balancer-agent/shares"
)

const docs = "../../../../docs/balancer/"

func example(t *testing.T) (*model.Model, string) {
	t.Helper()
	text, err := os.ReadFile(docs + "balancer.json")
	if err != nil {
		t.Fatal(err)
	}
	told, err := model.Parse([]byte(strings.Replace(string(text), `"haproxy"`, `"nginx"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile(docs + "nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	return told, string(template)
}

func TestTheDocumentedTemplateIsFilled(t *testing.T) {
	told, template := example(t)
	table := program.Table{Members: map[string][]members.Member{"db": {
		{ID: "db-0", Name: "db-0", Host: "10.2.0.1", Port: 3306, State: members.Serving},
	}}}
	text, err := render(told, template, table, "/run/x", 3)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "# altostratus:") {
		t.Error("a marker is left")
	}
	for _, line := range []string{
		"load_module modules/ngx_stream_module.so;", "upstream db {", "server 10.2.0.1:3306 max_fails=1",
		`require("altostratus.request").enter("search")`, "proxy_next_upstream error;", "proxy_next_upstream_tries 3;",
		"proxy_next_upstream off;", "generation = 3",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing", line)
		}
	}
	if _, err := render(told, template+"# altostratus:route nobody\n", table, "/run/x", 3); err == nil {
		t.Error("a split that is not there was taken")
	}
}

func TestTheTableHoldsWhoServes(t *testing.T) {
	told, _ := example(t)
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
