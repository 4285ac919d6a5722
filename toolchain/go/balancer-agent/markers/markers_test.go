package markers

import (
	"strings"
	"testing"
)

func TestMarkersAreFilledWhereTheyStand(t *testing.T) {
	text, err := Fill("a\n  # altostratus:one x/y.z \nb # altostratus:one\n", map[string]Filler{
		"one": func(argument string) ([]string, error) { return []string{"<" + argument + ">", "2"}, nil },
	}, "one")
	if err != nil || text != "a\n  <x/y.z>\n  2\nb # altostratus:one\n" {
		t.Fatalf("%q %v", text, err)
	}
}

func TestUnknownAndMissingMarkersAreToldWithTheirLine(t *testing.T) {
	_, err := Fill("\n# altostratus:tow\n", map[string]Filler{}, "one")
	if err == nil || !strings.Contains(err.Error(), `line 2: there is no marker "tow"`) ||
		!strings.Contains(err.Error(), `"one" is missing`) {
		t.Fatal(err)
	}
}
