// Package markers puts the agent's lines into a driver's template.
package markers

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var marker = regexp.MustCompile(`^([ \t]*)# altostratus:([a-z]+)(?:[ \t]+(\S+))?[ \t]*$`)

// Filler makes the lines for one marker. The argument is empty where the marker has none.
type Filler func(argument string) ([]string, error)

// Fill puts lines in the place of every marker. `required` ones must be there; the error names all problems.
func Fill(template string, fillers map[string]Filler, required ...string) (string, error) {
	var filled strings.Builder
	var problems []error
	seen := map[string]bool{}
	for number, line := range strings.Split(strings.TrimRight(template, "\n"), "\n") {
		found := marker.FindStringSubmatch(line)
		if found == nil {
			filled.WriteString(line + "\n")
			continue
		}
		indent, name, argument := found[1], found[2], found[3]
		seen[name] = true
		filler, known := fillers[name]
		if !known {
			problems = append(problems, fmt.Errorf("line %d: there is no marker %q", number+1, name))
			continue
		}
		lines, err := filler(argument)
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", number+1, err))
		}
		for _, each := range lines {
			filled.WriteString(indent + each + "\n")
		}
	}
	for _, name := range required {
		if !seen[name] {
			problems = append(problems, fmt.Errorf("the marker %q is missing", name))
		}
	}
	return filled.String(), errors.Join(problems...)
}
