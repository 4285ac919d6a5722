package model

import (
	"os"
	"strings"
	"testing"
)

const docs = "../../../../docs/balancer/"

func example(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(docs + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheDocumentedExamplesAreRead(t *testing.T) {
	model, err := Parse(example(t, "balancer.json"))
	if err != nil {
		t.Fatal(err)
	}
	web := model.ByName("web--second")
	if web == nil || web.Key != "web@second" || web.Timeouts.Queue != 30 || web.Queue.Length != 10_000 {
		t.Fatalf("what is left out is filled in: %+v", web)
	}
	control, err := ParseControl(example(t, "control.json"))
	if err != nil {
		t.Fatal(err)
	}
	if unknown := control.Unknown(model); len(unknown) != 0 {
		t.Fatal(unknown)
	}
}

func TestAllProblemsOfAModelAreToldAtOnce(t *testing.T) {
	text := strings.NewReplacer(
		`"weight": 100`, `"weight": -1`, `"h2c"`, `"spdy"`, `"10.90.0.5"`, `"second.example.org"`,
		`"driver": "haproxy"`, `"driver": "lvs"`, `"name": "db"`, `"name": "web"`,
	).Replace(string(example(t, "balancer.json")))
	_, err := Parse([]byte(text))
	if err == nil {
		t.Fatal("it was read")
	}
	for _, words := range []string{
		`driver "lvs"`, "weight -1", `host "second.example.org" is not an IP address`, `have the same name "web"`,
	} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is missing in: %v", words, err)
		}
	}
}

func TestUnknownKeysAreRefused(t *testing.T) {
	for _, text := range []string{
		`{"version": 1, "nane": "x"}`,
		`{"version": 1, "backends": {"web": {"name": "web", "cluster": "web", "adresses": []}}}`,
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "unknown field") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestControlDataThatIsWrongIsRefusedWhole(t *testing.T) {
	for _, text := range []string{
		`{"weights": {"web": {"web": -1}}}`, `{"addresses": {"web": [{"name": "a", "host": "x", "port": 1}]}}`,
		`[]`, `{"wieghts": {}}`,
	} {
		if _, err := ParseControl([]byte(text)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
	if control, err := ParseControl(nil); err != nil || len(control.Weights) != 0 {
		t.Error("no control data is no control")
	}
}
