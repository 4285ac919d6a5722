package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"altostratus/toolchain/balancer-agent/model"
)

// ControlKey is the key of the control ConfigMap that is read.
const ControlKey = "control.json"

const resync = 5 * time.Minute

// Status of the link to the API server.
type Status struct {
	Connected bool    `json:"connected"`
	LastEvent float64 `json:"lastEvent"`
	Problem   string  `json:"problem"`
}

// Source tells the endpoints of the model's Services and the control data, from one set of watches.
type Source struct {
	clients *Clients
	changed func()
	slices  map[string]cache.SharedIndexInformer // by namespace
	control cache.SharedIndexInformer
	stop    context.CancelFunc

	mutex  sync.Mutex
	status Status
}

// Start watches what the model names. `changed` is called after anything may have changed.
func Start(clients *Clients, told *model.Model, changed func()) *Source {
	context_, stop := context.WithCancel(context.Background())
	source := &Source{
		clients: clients, changed: changed, stop: stop, slices: map[string]cache.SharedIndexInformer{},
	}
	for namespace, services := range servicesByNamespace(told) {
		options := func(list *meta.ListOptions) {
			list.LabelSelector = discovery.LabelServiceName + " in (" + strings.Join(services, ",") + ")"
		}
		watcher := source.watcher(clients.discovery, "endpointslices", namespace, options, &discovery.EndpointSliceList{})
		source.slices[namespace] = source.informer(context_, watcher, &discovery.EndpointSlice{})
	}
	if told.Control != "" {
		options := func(list *meta.ListOptions) {
			list.FieldSelector = fields.OneTermEqualSelector("metadata.name", told.Control).String()
		}
		watcher := source.watcher(clients.core, "configmaps", told.Namespace, options, &core.ConfigMapList{})
		source.control = source.informer(context_, watcher, &core.ConfigMap{})
	}
	return source
}

func servicesByNamespace(told *model.Model) map[string][]string {
	found := map[string][]string{}
	for _, backend := range told.Backends {
		if service := backend.Service; service != nil && !slices.Contains(found[service.Namespace], service.Name) {
			found[service.Namespace] = append(found[service.Namespace], service.Name)
		}
	}
	for _, names := range found {
		slices.Sort(names)
	}
	return found
}

// Stop ends all watches.
func (s *Source) Stop() { s.stop() }

// Synced says whether everything was listed once.
func (s *Source) Synced() bool {
	for _, informer := range s.slices {
		if !informer.HasSynced() {
			return false
		}
	}
	return s.control == nil || s.control.HasSynced()
}

// Status of the link.
func (s *Source) Status() Status {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.status
}

// Slices of one Service.
func (s *Source) Slices(service model.Service) (found []*discovery.EndpointSlice) {
	informer := s.slices[service.Namespace]
	if informer == nil {
		return nil
	}
	for _, each := range informer.GetStore().List() {
		slice, ok := each.(*discovery.EndpointSlice)
		if ok && slice.Labels[discovery.LabelServiceName] == service.Name {
			found = append(found, slice)
		}
	}
	return found
}

// Control is the control data; empty where there is none.
func (s *Source) Control() string {
	if s.control == nil {
		return ""
	}
	for _, each := range s.control.GetStore().List() {
		if object, ok := each.(*core.ConfigMap); ok {
			return object.Data[ControlKey]
		}
	}
	return ""
}

func (s *Source) informer(
	context_ context.Context, watcher cache.ListerWatcher, kind runtime.Object,
) cache.SharedIndexInformer {
	informer := cache.NewSharedIndexInformerWithOptions(
		watcher, kind, cache.SharedIndexInformerOptions{ResyncPeriod: resync},
	)
	notify := func() {
		s.told(nil)
		s.changed()
	}
	// What was listed is always told, even before HasSynced answers true.
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(any, any) { notify() },
		DeleteFunc: func(any) { notify() },
	})
	go informer.RunWithContext(context_)
	go func() {
		if cache.WaitForCacheSync(context_.Done(), informer.HasSynced) {
			s.changed()
		}
	}()
	return informer
}

func (s *Source) watcher(
	client rest.Interface, resource, namespace string, narrow func(*meta.ListOptions), into runtime.Object,
) cache.ListerWatcher {
	request := func(options meta.ListOptions) *rest.Request {
		narrow(&options)
		found := client.Get().Namespace(namespace).Resource(resource).VersionedParams(&options, s.clients.params)
		if options.Watch && options.TimeoutSeconds != nil {
			found = found.Timeout(time.Duration(*options.TimeoutSeconds) * time.Second)
		}
		return found
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(context_ context.Context, options meta.ListOptions) (runtime.Object, error) {
			list := into.DeepCopyObject()
			err := request(options).Do(context_).Into(list)
			s.told(err)
			return list, err
		},
		WatchFuncWithContext: func(context_ context.Context, options meta.ListOptions) (watch.Interface, error) {
			options.Watch = true
			found, err := request(options).Watch(context_)
			s.told(err)
			return found, err
		},
	}
}

// told remembers how the link is.
func (s *Source) told(problem error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.status.Connected = problem == nil
	s.status.Problem = ""
	if problem != nil {
		s.status.Problem = problem.Error()
		return
	}
	s.status.LastEvent = float64(time.Now().UnixMilli()) / 1000
}

// Namespaces that are watched, sorted.
func (s *Source) Namespaces() []string { return slices.Sorted(maps.Keys(s.slices)) }
