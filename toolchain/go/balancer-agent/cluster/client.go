// Package cluster watches what the API server tells: endpoints of Services, and control data.
package cluster

import (
	"fmt"
	"os"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
)

// Clients speak to the two API groups that are needed; a full client would be ten times as much code.
type Clients struct {
	core      rest.Interface
	discovery rest.Interface
	params    runtime.ParameterCodec
}

// NewClients uses the Pod's service account, or what the environment names instead (in tests).
func NewClients() (*Clients, error) {
	config, err := configuration()
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(core.AddToScheme(scheme))
	utilruntime.Must(discovery.AddToScheme(scheme))
	meta.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	codecs := serializer.NewCodecFactory(scheme).WithoutConversion()
	client := func(path string, version schema.GroupVersion) (rest.Interface, error) {
		own := rest.CopyConfig(config)
		own.APIPath, own.GroupVersion, own.NegotiatedSerializer = path, &version, codecs
		own.UserAgent = "altostratus-balancer"
		own.QPS = -1 // a handful of lists and watches, each with its own back-off
		return rest.RESTClientFor(own)
	}
	found := &Clients{params: runtime.NewParameterCodec(scheme)}
	if found.core, err = client("/api", core.SchemeGroupVersion); err != nil {
		return nil, err
	}
	if found.discovery, err = client("/apis", discovery.SchemeGroupVersion); err != nil {
		return nil, err
	}
	return found, nil
}

func configuration() (*rest.Config, error) {
	url := os.Getenv("ALTO_KUBE_URL")
	if url == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("the Pod's service account cannot be used: %w", err)
		}
		return config, nil
	}
	config := &rest.Config{Host: url, BearerTokenFile: os.Getenv("ALTO_KUBE_TOKEN_FILE")}
	config.CAFile = os.Getenv("ALTO_KUBE_CA_FILE")
	return config, nil
}
