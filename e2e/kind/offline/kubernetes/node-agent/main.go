// Node-agent does on every node what kindnetd and the local path provisioner do in stock kind.
//
//	node-agent network   writes the CNI configuration, keeps routes to the other nodes' pods and
//	                     enforces NetworkPolicies
//	node-agent storage   makes directories of this node into volumes
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: node-agent network|storage")
	}
	if err := run(context.Background(), os.Args[1], os.Getenv("NODE_NAME")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, duty, node string) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	// The network comes before kube-proxy's rules: the API server's own address, not its service.
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); duty == "network" && endpoint != "" {
		config.Host = "https://" + endpoint
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	switch duty {
	case "network":
		go func() { log.Fatal(keepPolicies(ctx, client, node)) }()
		return keepNetwork(ctx, client, node, os.Getenv("POD_SUBNET"))
	case "storage":
		return provideVolumes(ctx, client, node)
	}
	return fmt.Errorf("no such duty: %s", duty)
}
