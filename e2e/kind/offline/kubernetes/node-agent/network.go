package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	networkFile = "/etc/cni/net.d/10-kind.conflist"
	// Point-to-point links: a pod that is gone leaves no bridge entry behind.
	networkList = `{
  "cniVersion": "0.3.1",
  "name": "pods",
  "plugins": [
    {"type": "ptp", "ipMasq": false,
     "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam",
              "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`
)

// keepNetwork looks at the nodes every few seconds: they are few, and their addresses change
// only when a container engine was restarted.
func keepNetwork(ctx context.Context, client kubernetes.Interface, self, pods string) error {
	for {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err == nil {
			err = connect(nodes.Items, self, pods)
		}
		if err != nil {
			log.Print(err)
		}
		time.Sleep(3 * time.Second)
	}
}

func connect(nodes []v1.Node, self, pods string) error {
	for _, node := range nodes {
		switch {
		case node.Spec.PodCIDR == "":
		case node.Name == self:
			if err := writeNetwork(node.Spec.PodCIDR); err != nil {
				return err
			}
		default:
			if err := route(node); err != nil {
				return err
			}
		}
	}
	return masquerade(pods)
}

func writeNetwork(subnet string) error {
	want := fmt.Sprintf(networkList, subnet)
	if have, err := os.ReadFile(networkFile); err == nil && string(have) == want {
		return nil
	}
	// Renamed into place, since containerd reads the folder at every change.
	if err := os.WriteFile(networkFile+".new", []byte(want), 0o644); err != nil {
		return err
	}
	return os.Rename(networkFile+".new", networkFile)
}

func route(node v1.Node) error {
	for _, address := range node.Status.Addresses {
		if address.Type == v1.NodeInternalIP {
			return call("ip", "route", "replace", node.Spec.PodCIDR, "via", address.Address)
		}
	}
	return nil
}

// masquerade lets pods reach what is not a pod under the address of their node.
func masquerade(pods string) error {
	rule := []string{"POSTROUTING", "-s", pods, "!", "-d", pods, "-j", "MASQUERADE"}
	nat := []string{"--wait", "-t", "nat"}
	if call("iptables", append(append(nat, "-C"), rule...)...) == nil {
		return nil
	}
	return call("iptables", append(append(nat, "-A"), rule...)...)
}

func call(name string, arguments ...string) error {
	if output, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, arguments, err, output)
	}
	return nil
}
