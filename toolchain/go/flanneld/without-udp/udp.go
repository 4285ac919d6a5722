// Package udp stands in for flannel's UDP back end, which is written in C: with
// no back end registered here, a network that asks for it is refused by name.
package udp
