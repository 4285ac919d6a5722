package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	selectedNode = "volume.kubernetes.io/selected-node"
	// Only the Pods that the volume belongs to see it, so its permissions guard nothing; they let Pods
	// without a group of their own write.
	volumeMode = 0o777
	folderMode = 0o711
)

// hostDisk makes volumes as folders of one host's disk.
type hostDisk struct {
	client      kubernetes.Interface
	node        string
	folder      string
	provisioner string
}

// ShouldProvision is true for claims whose Pod was given to this host.
func (d *hostDisk) ShouldProvision(_ context.Context, claim *v1.PersistentVolumeClaim) bool {
	return claim.Annotations[selectedNode] == d.node
}

// Provision makes a folder and describes it as a volume that is on this host only.
func (d *hostDisk) Provision(
	_ context.Context, options controller.ProvisionOptions,
) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	size := options.PVC.Spec.Resources.Requests[v1.ResourceStorage]
	path := filepath.Join(d.folder, options.PVName)
	if err := d.make(path, size); err != nil {
		return nil, controller.ProvisioningReschedule, err
	}
	filesystem := v1.PersistentVolumeFilesystem
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: size},
			VolumeMode:                    &filesystem,
			PersistentVolumeSource: v1.PersistentVolumeSource{
				Local: &v1.LocalVolumeSource{Path: path},
			},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{
				NodeSelectorTerms: []v1.NodeSelectorTerm{{
					MatchExpressions: []v1.NodeSelectorRequirement{{
						Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{d.node},
					}},
				}},
			}},
		},
	}, controller.ProvisioningFinished, nil
}

func (d *hostDisk) make(path string, size resource.Quantity) error {
	if err := os.MkdirAll(d.folder, folderMode); err != nil {
		return err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(d.folder, &disk); err != nil {
		return err
	}
	free := resource.NewQuantity(int64(disk.Bavail)*disk.Bsize, resource.BinarySI)
	if size.Cmp(*free) > 0 {
		return fmt.Errorf("host %s has %d MiB of disk free, fewer than the %s asked for",
			d.node, free.Value()>>20, size.String())
	}
	// It exists already where an earlier try was not recorded.
	if err := os.Mkdir(path, volumeMode); err != nil && !os.IsExist(err) {
		return err
	}
	return os.Chmod(path, volumeMode)
}

// ShouldDelete is true for volumes of this host, and for those of hosts that are no longer there.
func (d *hostDisk) ShouldDelete(ctx context.Context, volume *v1.PersistentVolume) bool {
	node := nodeOf(volume)
	return node == d.node || d.gone(ctx, node)
}

// Delete removes the volume's folder where it is on this host.
func (d *hostDisk) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	if nodeOf(volume) != d.node {
		return nil
	}
	path, err := d.path(volume)
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// path is the volume's folder; an error where the volume points to anywhere but its own place.
func (d *hostDisk) path(volume *v1.PersistentVolume) (string, error) {
	wanted := filepath.Join(d.folder, volume.Name)
	if volume.Spec.Local == nil || volume.Spec.Local.Path != wanted || strings.ContainsRune(volume.Name, '/') {
		return "", fmt.Errorf("volume %s is not at %s", volume.Name, wanted)
	}
	return wanted, nil
}

// gone is whether the cluster has no such host; in doubt it has.
func (d *hostDisk) gone(ctx context.Context, node string) bool {
	_, err := d.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		klog.ErrorS(err, "host is not known", "node", node)
	}
	return apierrors.IsNotFound(err)
}

// nodeOf is the host that a volume of ours is on.
func nodeOf(volume *v1.PersistentVolume) string {
	affinity := volume.Spec.NodeAffinity
	if affinity == nil || affinity.Required == nil {
		return ""
	}
	for _, term := range affinity.Required.NodeSelectorTerms {
		for _, wanted := range term.MatchExpressions {
			if wanted.Key == v1.LabelHostname && len(wanted.Values) == 1 {
				return wanted.Values[0]
			}
		}
	}
	return ""
}
