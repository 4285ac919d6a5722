// Package nginx runs nginx: configuration from a template, http members through shared memory and Lua.
package nginx

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const answerWithin = 5 * time.Second

// control speaks to the Lua code on its own socket.
type control struct{ client *http.Client }

func newControl(socket string) control {
	return control{&http.Client{
		Timeout: answerWithin,
		Transport: &http.Transport{
			DialContext: func(within context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(within, "unix", socket)
			},
			// After a reload, an open connection would be one to a worker that ends.
			DisableKeepAlives: true,
		},
	}}
}

func (c control) post(path string, body []byte) error {
	answer, err := c.client.Post("http://nginx"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("nginx does not answer: %w", err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("nginx on %s: %s", path, bytes.TrimSpace(text))
	}
	return nil
}

// counts are requests in flight.
type counts struct {
	Serving    map[string]int `json:"serving"` // by backend/member
	Queued     map[string]int `json:"queued"`  // by backend
	Generation int            `json:"generation"`
}

func (c control) figures() (found counts, err error) {
	answer, err := c.client.Get("http://nginx/figures")
	if err != nil {
		return found, fmt.Errorf("nginx does not answer: %w", err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
		return found, fmt.Errorf("nginx's figures cannot be read: %w", err)
	}
	return found, nil
}
