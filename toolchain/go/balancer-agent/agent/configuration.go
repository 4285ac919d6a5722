package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"altostratus/toolchain/balancer-agent/model"
)

// configuration is a model with its template, as they lie in the folder.
type configuration struct {
	hash     string
	model    *model.Model
	template string
}

// readConfiguration reads what is there; the hash is told even where it cannot be used. Certificates are part
// of the hash: the program reads them only when it loads.
func readConfiguration(settings Settings, template string) (configuration, error) {
	told, err := os.ReadFile(settings.model())
	if err != nil {
		return configuration{}, err
	}
	text, err := os.ReadFile(filepath.Join(settings.Folder, template))
	if err != nil {
		return configuration{}, err
	}
	found := configuration{template: string(text)}
	read, problem := model.Parse(told)
	found.hash = digest(told, text, certificates(settings, read))
	if problem != nil {
		return found, problem
	}
	found.model = read
	return found, nil
}

func certificates(settings Settings, told *model.Model) (content []byte) {
	if told == nil {
		return nil
	}
	for _, listener := range told.Listeners {
		for _, name := range listener.Certificates {
			folder := filepath.Join(filepath.Dir(settings.Folder), "certificates", filepath.Base(name))
			found, _ := os.ReadFile(filepath.Join(folder, "tls.crt"))
			content = append(content, found...)
		}
	}
	return content
}

// DriverName reads only which driver is asked for: the agent makes that one, and keeps it.
func DriverName(settings Settings) (string, error) {
	told, err := os.ReadFile(settings.model())
	if err != nil {
		return "", err
	}
	read, err := model.Parse(told)
	if err != nil {
		return "", err
	}
	return read.Driver, nil
}

func digest(parts ...[]byte) string {
	total := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(total, "%d\n", len(part))
		total.Write(part)
	}
	return hex.EncodeToString(total.Sum(nil))[:12]
}

// readControl puts the control file over the control ConfigMap; both may be missing.
func readControl(settings Settings, fromCluster string) (*model.Control, string, error) {
	control, err := model.ParseControl([]byte(fromCluster))
	if err != nil {
		return nil, digest([]byte(fromCluster)), fmt.Errorf("the control ConfigMap: %w", err)
	}
	if settings.ControlFile == "" {
		return control, digest([]byte(fromCluster)), nil
	}
	text, err := os.ReadFile(settings.ControlFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", err
	}
	hash := digest([]byte(fromCluster), text)
	above, err := model.ParseControl(text)
	if err != nil {
		return nil, hash, fmt.Errorf("%s: %w", settings.ControlFile, err)
	}
	return above.Over(control), hash, nil
}
