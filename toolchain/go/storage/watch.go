package main

import (
	"context"
	"fmt"
	"os"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

const (
	provisionedBy = "pv.kubernetes.io/provisioned-by"
	lookEvery     = 30 * time.Second
	// A host that is made anew leaves the cluster for a moment.
	patience = 2 * lookEvery
	dataLost = "DataLost"
)

// watch tells in events, on the claim and on the Pods that wait for it, which data is lost with its host.
type watch struct {
	host   *hostDisk
	events record.EventRecorder
	since  map[string]time.Time
}

func newWatch(ctx context.Context, host *hostDisk) *watch {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&corev1.EventSinkImpl{Interface: host.client.CoreV1().Events("")})
	events := broadcaster.NewRecorder(scheme.Scheme, v1.EventSource{Component: host.provisioner, Host: host.node})
	return &watch{host: host, events: events, since: map[string]time.Time{}}
}

func (w *watch) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := w.look(ctx, time.Now()); err != nil {
			klog.ErrorS(err, "volumes could not be looked at")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look goes through all volumes of ours; those without their data for long enough are told of.
func (w *watch) look(ctx context.Context, now time.Time) error {
	volumes, err := w.host.client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	seen := map[string]time.Time{}
	for index := range volumes.Items {
		volume := &volumes.Items[index]
		if volume.Annotations[provisionedBy] != w.host.provisioner || volume.Status.Phase != v1.VolumeBound {
			continue
		}
		reason := w.loss(ctx, volume)
		if reason == "" {
			continue
		}
		begin, known := w.since[volume.Name]
		if !known {
			begin = now
		}
		seen[volume.Name] = begin
		if now.Sub(begin) >= patience {
			w.tell(ctx, volume, reason)
		}
	}
	w.since = seen
	return nil
}

// loss says why a volume's data is lost; empty where it is not, or where another host knows better.
func (w *watch) loss(ctx context.Context, volume *v1.PersistentVolume) string {
	node := nodeOf(volume)
	if node == w.host.node {
		path, err := w.host.path(volume)
		if err != nil {
			return ""
		}
		if _, err = os.Stat(path); os.IsNotExist(err) {
			return fmt.Sprintf("the data is no longer on the disk of host %s", node)
		}
		return ""
	}
	if w.host.gone(ctx, node) {
		return fmt.Sprintf("host %s has left the cluster, and its data with it", node)
	}
	return ""
}

func (w *watch) tell(ctx context.Context, volume *v1.PersistentVolume, reason string) {
	claim := volume.Spec.ClaimRef
	pods, err := w.host.client.CoreV1().Pods(claim.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		klog.ErrorS(err, "Pods could not be looked at", "namespace", claim.Namespace)
		return
	}
	names := ""
	waiting := []*v1.Pod{}
	for index := range pods.Items {
		pod := &pods.Items[index]
		if pod.Status.Phase == v1.PodPending && uses(pod, claim.Name) {
			names += " pod/" + pod.Name
			waiting = append(waiting, pod)
		}
	}
	said := fmt.Sprintf("%s. To begin anew without it: kubectl --namespace %s delete pvc/%s%s",
		reason, claim.Namespace, claim.Name, names)
	w.events.Event(claim, v1.EventTypeWarning, dataLost, said)
	for _, pod := range waiting {
		w.events.Event(pod, v1.EventTypeWarning, dataLost, said)
	}
}

func uses(pod *v1.Pod, claim string) bool {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.ClaimName == claim {
			return true
		}
	}
	return false
}
