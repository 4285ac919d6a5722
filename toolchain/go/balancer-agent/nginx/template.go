package nginx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"altostratus/toolchain/balancer-agent/markers"
	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
)

// Workers from before a reload may serve long connections for this long.
const oldMost = "3600s"

type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

func (f folder) logPipe() string { return f.path("log.pipe") }
func (f folder) control() string { return f.path("nginx.sock") }
func (f folder) table() string   { return f.path("table.json") }

// render makes the configuration that is run.
func render(told *model.Model, template string, table program.Table, place folder, generation int) (string, error) {
	streams := strings.Contains(template, "# altostratus:stream")
	text, err := markers.Fill(template, map[string]markers.Filler{
		"main": func(string) ([]string, error) { return mainLines(place, streams), nil },
		"http": func(string) ([]string, error) {
			return httpLines(told, place, generation, strings.Contains(template, "set $tenant ")), nil
		},
		"stream": func(string) ([]string, error) { return streamLines(told, table, place), nil },
		"route":  func(split string) ([]string, error) { return routeLines(told, split) },
	}, "main")
	if err != nil {
		return "", fmt.Errorf("nginx.conf: %w", err)
	}
	return text, nil
}

func mainLines(place folder, streams bool) []string {
	lines := []string{
		"load_module modules/ndk_http_module.so;",
		"load_module modules/ngx_http_lua_module.so;",
	}
	if streams {
		lines = append(lines, "load_module modules/ngx_stream_module.so;")
	}
	if os.Geteuid() == 0 { // in tests: workers need the sockets
		lines = append(lines, "user root;")
	}
	return append(
		lines,
		"pid "+place.path("nginx.pid")+";",
		"error_log stderr warn;",
		"daemon off;",
		fmt.Sprintf("worker_processes %d;", runtime.GOMAXPROCS(0)),
		"worker_shutdown_timeout "+oldMost+";",
	)
}

// httpLines: `tenants` says that the template itself sets $tenant.
func httpLines(told *model.Model, place folder, generation int, tenants bool) []string {
	spool := filepath.Join(os.TempDir(), "altostratus-nginx")
	lines := []string{
		`lua_package_path "` + place.path("lua") + `/?.lua;;";`,
		"lua_shared_dict alto_table 16m;",
		"lua_shared_dict alto_count 16m;",
		fmt.Sprintf(
			`init_by_lua_block { require("altostratus.control").generation = %d require("altostratus.table").load("%s") }`,
			generation, place.table(),
		),
		`init_worker_by_lua_block { math.randomseed(ngx.now() * 1000 + ngx.worker.pid()) require("altostratus.count").claim() }`,
		`map $http_upgrade $alto_connection { default upgrade; "" ""; }`,
	}
	for _, name := range []string{"alto_backend", "alto_member", "alto_reason", "alto_split"} {
		lines = append(lines, `map $pid $`+name+` { default ""; }`)
	}
	if !tenants {
		lines = append(lines, `map $pid $tenant { default "`+told.Tenant+`"; }`)
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		lines = append(lines, kind+"_temp_path "+filepath.Join(spool, kind)+";")
	}
	return append(
		lines,
		"log_format altostratus escape=json '"+logFormat(told)+"';",
		"access_log "+place.logPipe()+" altostratus buffer=4k flush=100ms;",
		"upstream altostratus {",
		"    server 0.0.0.1;",
		`    balancer_by_lua_block { require("altostratus.request").balance() }`,
		"    keepalive 256;",
		// Under the 5 s after which many servers close: a request must not meet a connection that ends.
		"    keepalive_timeout 4s;",
		"    keepalive_requests 100000;",
		"}",
		"server {",
		"    listen unix:"+place.control()+";",
		"    access_log off;",
		"    client_max_body_size 16m;",
		"    client_body_buffer_size 16m;",
		`    location = /table { content_by_lua_block { require("altostratus.control").table() } }`,
		`    location = /figures { content_by_lua_block { require("altostratus.control").figures() } }`,
		`    location = /closing { content_by_lua_block { require("altostratus.control").closing() } }`,
		"}",
	)
}

func logFormat(told *model.Model) string {
	format := `$alto_backend\t$alto_member\t$status\t$request_time\t$upstream_status\t-\t$alto_reason\t$alto_split\t`
	format = strings.ReplaceAll(format, `\t`, "\t")
	if told.AccessLog != "json" {
		return format
	}
	return format + `,"client":"$remote_addr","listener":"$server_port","protocol":"$server_protocol"` +
		`,"method":"$request_method","host":"$http_host","path":"$request_uri","userAgent":"$http_user_agent"` +
		`,"tenant":"$tenant","status":$status,"seconds":$request_time,"bytesIn":$request_length` +
		`,"bytesOut":$bytes_sent,"upstream":"$upstream_response_time"`
}

func routeLines(told *model.Model, split string) ([]string, error) {
	parts := told.Splits[split]
	if len(parts) == 0 {
		return nil, fmt.Errorf("the model has no split %q", split)
	}
	home := told.Backends[parts[0].Backend]
	for _, part := range parts {
		if other := told.Backends[part.Backend]; other.Protocol != home.Protocol {
			return nil, fmt.Errorf("split %q: nginx cannot share between %s and %s", split, home.Protocol, other.Protocol)
		}
	}
	module, scheme := "proxy", "http"
	switch home.Protocol {
	case "https":
		scheme = "https"
	case "h2c":
		module, scheme = "grpc", "grpc"
	}
	lines := []string{
		`access_by_lua_block { require("altostratus.request").enter("` + split + `") }`,
		`header_filter_by_lua_block { require("altostratus.request").head() }`,
		`log_by_lua_block { require("altostratus.request").leave("` + split + `") }`,
		module + "_set_header Host $http_host;",
		module + "_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
		module + "_set_header X-Forwarded-Proto $scheme;",
		fmt.Sprintf("%s_connect_timeout %dms;", module, home.Timeouts.Connect.Milliseconds()),
		fmt.Sprintf("%s_read_timeout %dms;", module, home.Timeouts.Server.Milliseconds()),
		fmt.Sprintf("%s_send_timeout %dms;", module, home.Timeouts.Server.Milliseconds()),
		module + "_next_upstream " + nextUpstream(home.Retries) + ";",
		fmt.Sprintf("%s_next_upstream_tries %d;", module, home.Retries.Attempts+1),
	}
	if module == "proxy" {
		lines = append(
			lines,
			"proxy_http_version 1.1;",
			"proxy_set_header Upgrade $http_upgrade;",
			"proxy_set_header Connection $alto_connection;",
		)
	}
	return append(lines, module+"_pass "+scheme+"://altostratus;"), nil
}

// nextUpstream: nginx itself tries what may have been begun again only where HTTP calls that safe.
func nextUpstream(retries model.Retries) string {
	if retries.Attempts == 0 || len(retries.On) == 0 {
		return "off"
	}
	var words []string
	for _, failure := range retries.On {
		switch failure {
		case "connect", "empty":
			words = append(words, "error")
		case "timeout":
			words = append(words, "timeout")
		default:
			words = append(words, "http_"+failure)
		}
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), " ")
}

// streamLines make an upstream for each tcp backend. nginx has no Lua for streams here: what ended is counted from its
// log, what is open from the kernel's tables.
func streamLines(told *model.Model, table program.Table, place folder) []string {
	lines := []string{
		"log_format altostratus escape=json '" + streamLogFormat(told) + "';",
		"access_log " + place.logPipe() + " altostratus buffer=4k flush=100ms;",
	}
	names := []string{}
	for _, backend := range told.Backends {
		if backend.Protocol == "tcp" {
			names = append(names, backend.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		backend := told.ByName(name)
		lines = append(lines, "upstream "+name+" {")
		switch backend.Algorithm {
		case "least-connections":
			lines = append(lines, "    least_conn;")
		case "source":
			lines = append(lines, "    hash $remote_addr consistent;")
		}
		serving := 0
		for _, member := range table.Members[name] {
			if member.State == members.Serving {
				serving++
				lines = append(lines, "    server "+member.Address()+" max_fails=1 fail_timeout=2s;")
			}
		}
		if serving == 0 {
			lines = append(lines, "    server unix:"+place.nobody(name)+";")
		}
		lines = append(lines, "}")
	}
	return lines
}
