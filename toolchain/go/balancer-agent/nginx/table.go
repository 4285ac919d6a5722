package nginx

import (
	"crypto/sha256"
	"encoding/hex"

	"altostratus/toolchain/balancer-agent/members"
	"altostratus/toolchain/balancer-agent/model"
	"altostratus/toolchain/balancer-agent/program"
)

// luaTable is what the Lua code decides by.
type luaTable struct {
	Splits   map[string][]luaPart   `json:"splits"`
	Backends map[string]*luaBackend `json:"backends"`
}

type luaPart struct {
	Backend string  `json:"backend"`
	Part    float64 `json:"part"`
}

type luaBackend struct {
	Members     []luaMember  `json:"members"`
	Algorithm   string       `json:"algorithm"`
	Affinity    *luaAffinity `json:"affinity,omitempty"`
	Most        int          `json:"most"`
	Length      int          `json:"length"`
	Wait        float64      `json:"wait"`
	Retries     int          `json:"retries"`
	Connect     float64      `json:"connect"`
	Server      float64      `json:"server"`
	Tunnel      float64      `json:"tunnel"`
	StartSlowly float64      `json:"startSlowly"`
	Maintenance string       `json:"maintenance,omitempty"`
}

type luaAffinity struct {
	By       string  `json:"by"`
	Name     string  `json:"name"`
	Lifetime float64 `json:"lifetime"`
}

type luaMember struct {
	ID     string  `json:"id"`
	Host   string  `json:"host"`
	Port   int     `json:"port"`
	Since  float64 `json:"since"`
	Cookie string  `json:"cookie"`
}

func tableFor(told *model.Model, table program.Table, down func(backend, id string) bool) luaTable {
	found := luaTable{Splits: map[string][]luaPart{}, Backends: map[string]*luaBackend{}}
	for name, parts := range table.Splits {
		for _, part := range parts {
			found.Splits[name] = append(found.Splits[name], luaPart{told.Backends[part.Backend].Name, part.Part})
		}
	}
	for _, backend := range told.Backends {
		if backend.Protocol == "tcp" {
			continue
		}
		own := &luaBackend{
			Members: []luaMember{}, Algorithm: backend.Algorithm, Most: backend.Queue.MemberConnections,
			Length: backend.Queue.Length, Wait: float64(backend.Timeouts.Queue), Retries: backend.Retries.Attempts,
			Connect: float64(backend.Timeouts.Connect), Server: float64(backend.Timeouts.Server),
			Tunnel: float64(backend.Timeouts.Tunnel), StartSlowly: float64(backend.StartSlowly),
			Maintenance: table.Maintenance[backend.Name],
		}
		if affinity := backend.Affinity; affinity != nil {
			own.Affinity = &luaAffinity{affinity.By, affinity.Name, float64(affinity.Lifetime)}
		}
		for _, member := range table.Members[backend.Name] {
			if member.State == members.Serving && !down(backend.Name, member.ID) {
				own.Members = append(own.Members, luaMember{
					ID: member.ID, Host: member.Host, Port: member.Port, Since: float64(member.Since.UnixMilli()) / 1000,
					Cookie: cookie(told.Name, member.ID),
				})
			}
		}
		found.Backends[backend.Name] = own
	}
	return found
}

// cookie names a member to clients without telling its name.
func cookie(balancer, id string) string {
	total := sha256.Sum256([]byte(balancer + "\x00" + id))
	return hex.EncodeToString(total[:8])
}
