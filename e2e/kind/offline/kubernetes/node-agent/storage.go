package main

import (
	"context"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	provisionerName = "rancher.io/local-path" // as in stock kind: its name is in the class
	volumeFolder    = "/var/local-path-provisioner"
	selectedNode    = "volume.kubernetes.io/selected-node"
	ownerNode       = "local-path/node"
)

func provideVolumes(ctx context.Context, client kubernetes.Interface, node string) error {
	controller.NewProvisionController(ctx, client, provisionerName, volumes{node},
		controller.LeaderElection(false)).Run(ctx)
	return nil
}

// volumes answers only for claims whose pod was placed on its node, so that the agents of all
// nodes can watch the same claims without a leader.
type volumes struct{ node string }

func (v volumes) ShouldProvision(_ context.Context, claim *v1.PersistentVolumeClaim) bool {
	return claim.Annotations[selectedNode] == v.node
}

func (v volumes) Provision(_ context.Context, options controller.ProvisionOptions) (
	*v1.PersistentVolume, controller.ProvisioningState, error,
) {
	claim := options.PVC
	folder := filepath.Join(volumeFolder, options.PVName+"_"+claim.Namespace+"_"+claim.Name)
	err := os.MkdirAll(folder, 0o777)
	if err == nil {
		err = os.Chmod(folder, 0o777) // MkdirAll heeds the umask, any user of a pod must write
	}
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        options.PVName,
			Annotations: map[string]string{ownerNode: v.node},
		},
		Spec: v1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage]},
			NodeAffinity:                  only(v.node),
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			PersistentVolumeSource: v1.PersistentVolumeSource{
				HostPath: &v1.HostPathVolumeSource{Path: folder},
			},
		},
	}, controller.ProvisioningFinished, nil
}

func (v volumes) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	if volume.Annotations[ownerNode] != v.node {
		return &controller.IgnoredError{Reason: "the volume is another node's"}
	}
	return os.RemoveAll(volume.Spec.HostPath.Path)
}

func only(node string) *v1.VolumeNodeAffinity {
	return &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{
		NodeSelectorTerms: []v1.NodeSelectorTerm{{
			MatchExpressions: []v1.NodeSelectorRequirement{{
				Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{node},
			}},
		}},
	}}
}
