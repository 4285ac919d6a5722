// Package reasons says, for people, why a request was not answered by a member.
package reasons

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Page holds @REASON@ and @NOTICE@.
//
//go:embed page.html
var Page string

var texts = map[string]string{
	"no-members":    "Nobody serves this page at the moment. It may be starting; please try again in a little while.",
	"queue-full":    "Too many requests are waiting already. Please try again in a little while.",
	"queue-timeout": "Everybody who serves this page is busy. Please try again in a little while.",
	"maintenance":   "This page is being worked on.",
	"no-route":      "There is nothing at this address.",
	"rate-limit":    "You have sent too many requests. Please wait a moment.",
	"unavailable":   "Nobody could answer in time. Please try again in a little while.",
}

// Map is HAProxy's file of them.
func Map() string {
	var lines []string
	for reason, text := range texts {
		lines = append(lines, reason+" "+text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// Lua is nginx's file of them, with the page.
func Lua() string {
	var text strings.Builder
	text.WriteString("return { reasons = {\n")
	for _, reason := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintf(&text, "    [%q] = %q,\n", reason, texts[reason])
	}
	fmt.Fprintf(&text, "}, page = [==[%s]==] }\n", Page)
	return text.String()
}
