// Package documented holds, for tests, what the documentation shows of models and templates.
package documented

import (
	"os"
	"strings"
	"testing"

	"altostratus/toolchain/balancer-agent/model"
)

const docs = "../../../../docs/balancer/"

// Example is the documented model, as one of `driver`, and the template in `file`.
func Example(t *testing.T, driver, file string) (*model.Model, string) {
	t.Helper()
	told, err := model.Parse([]byte(strings.Replace(read(t, "balancer.json"), `"haproxy"`, `"`+driver+`"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return told, read(t, file)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(docs + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Filled checks that a rendered template has these lines, or parts of lines, and no marker that is left.
func Filled(t *testing.T, text string, lines ...string) {
	t.Helper()
	if strings.Contains(text, "# altostratus:") {
		t.Error("a marker is left")
	}
	for _, line := range lines {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing", line)
		}
	}
}
