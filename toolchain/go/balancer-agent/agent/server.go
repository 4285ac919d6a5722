package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const shortestToken = 16

// Server is the endpoint for state, metrics and probes.
func (a *Agent) Server() (*http.Server, error) {
	certificates, err := a.certificates()
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{a})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", probe(a.Alive))
	mux.HandleFunc("GET /readyz", probe(a.Ready))
	mux.Handle("GET /v1/state", a.withToken(http.HandlerFunc(a.serveState)))
	mux.Handle("GET /metrics", a.withToken(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	return &http.Server{
		Addr: a.settings.Listen, Handler: mux, TLSConfig: certificates,
		ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       log.New(io.Discard, "", 0), // handshakes of scanners and probes
	}, nil
}

func probe(question func() error) http.HandlerFunc {
	return func(answer http.ResponseWriter, _ *http.Request) {
		if err := question(); err != nil {
			http.Error(answer, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(answer, "ok")
	}
}

func (a *Agent) serveState(answer http.ResponseWriter, _ *http.Request) {
	state, err := a.State()
	if err != nil {
		http.Error(answer, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer.Header().Set("Content-Type", "application/json")
	answer.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(answer).Encode(state)
}

// withToken asks for the token, which is read each time: a new one holds at once.
func (a *Agent) withToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		text, err := os.ReadFile(a.settings.TokenFile)
		wanted := strings.TrimSpace(string(text))
		if err != nil || len(wanted) < shortestToken {
			http.Error(answer, "no token is set up for this balancer", http.StatusServiceUnavailable)
			return
		}
		shown := request.Header.Get("X-Altostratus-Token")
		if shown == "" {
			shown = strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
		}
		if subtle.ConstantTimeCompare([]byte(shown), []byte(wanted)) != 1 {
			answer.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(answer, "the header X-Altostratus-Token holds the token of this balancer",
				http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(answer, request)
	})
}

func (a *Agent) certificates() (*tls.Config, error) {
	certificate := filepath.Join(a.settings.State, "tls.crt")
	key := filepath.Join(a.settings.State, "tls.key")
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if _, err := os.Stat(certificate); err == nil {
		// Read for each connection: a renewed one holds at once, and connections here are few.
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			found, err := tls.LoadX509KeyPair(certificate, key)
			return &found, err
		}
		return config, nil
	}
	made, err := selfSigned(a.settings.Replica)
	if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{made}
	return config, nil
}

func selfSigned(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}, nil
}
