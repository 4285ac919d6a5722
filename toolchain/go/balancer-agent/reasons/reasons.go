// Package reasons says, for people, why a request was not answered by a member.
package reasons

import (
	"slices"
	"strings"
)

var texts = map[string]string{
	"no-members":    "Nobody serves this page at the moment. It may be starting; please try again in a little while.",
	"queue-full":    "Too many requests are waiting already. Please try again in a little while.",
	"queue-timeout": "Everybody who serves this page is busy. Please try again in a little while.",
	"maintenance":   "This page is being worked on.",
	"no-route":      "There is nothing at this address.",
	"rate-limit":    "You have sent too many requests. Please wait a moment.",
	"unavailable":   "Nobody could answer in time. Please try again in a little while.",
}

// Text for a reason.
func Text(reason string) string { return texts[reason] }

// All the texts, by reason.
func All() map[string]string { return texts }

// Map is HAProxy's file of them.
func Map() string {
	var lines []string
	for reason, text := range texts {
		lines = append(lines, reason+" "+text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}
