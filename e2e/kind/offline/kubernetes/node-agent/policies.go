package main

import (
	"context"
	"fmt"
	"log"
	"os/exec"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	// In a table of our own: what kube-proxy accepts in `filter` has passed here before, and its
	// addresses are those behind a Service.
	policyTable = "mangle"
	policyStart = "POLICY"
	// Changes come in crowds; rules that are late by this much are no later than the network of others.
	policyPause = 100 * time.Millisecond
)

// keepPolicies enforces the NetworkPolicies of all namespaces for the pods of this node. What the node
// itself sends to them (probes, the API server's proxy) is never stopped.
func keepPolicies(ctx context.Context, client kubernetes.Interface, self string) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(slim))
	pods := factory.Core().V1().Pods().Lister()
	namespaces := factory.Core().V1().Namespaces().Lister()
	policies := factory.Networking().V1().NetworkPolicies().Lister()
	changed := make(chan struct{}, 1)
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(),
		factory.Core().V1().Namespaces().Informer(),
		factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(announce(changed)); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	var applied map[string]string // nil: what the kernel has is not known
	for {
		var seen world
		seen.node = self
		// Listers of a synced cache do not fail.
		seen.pods, _ = pods.List(labels.Everything())
		seen.namespaces, _ = namespaces.List(labels.Everything())
		seen.policies, _ = policies.List(labels.Everything())
		wanted := seen.chains()
		if err := applyChains(applied, wanted); err != nil {
			log.Print(err)
			applied = nil
			time.Sleep(time.Second)
			continue
		}
		applied = wanted
		time.Sleep(policyPause)
		<-changed
	}
}

func announce(changed chan<- struct{}) cache.ResourceEventHandler {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default: // one announcement waits already
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { tell() },
		UpdateFunc: func(any, any) { tell() },
		DeleteFunc: func(any) { tell() },
	}
}

// slim keeps of an object what rules are made of.
func slim(object any) (any, error) {
	switch full := object.(type) {
	case *v1.Pod:
		pod := &v1.Pod{ObjectMeta: essence(full.ObjectMeta)}
		pod.Spec.NodeName, pod.Spec.HostNetwork = full.Spec.NodeName, full.Spec.HostNetwork
		for _, container := range slices.Concat(full.Spec.InitContainers, full.Spec.Containers) {
			pod.Spec.Containers = append(pod.Spec.Containers, v1.Container{Ports: container.Ports})
		}
		pod.Status.Phase, pod.Status.PodIP = full.Status.Phase, full.Status.PodIP
		return pod, nil
	case *v1.Namespace:
		return &v1.Namespace{ObjectMeta: essence(full.ObjectMeta)}, nil
	case *networking.NetworkPolicy:
		return &networking.NetworkPolicy{ObjectMeta: essence(full.ObjectMeta), Spec: full.Spec}, nil
	}
	return object, nil
}

func essence(full metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: full.Name, Namespace: full.Namespace, UID: full.UID, Labels: full.Labels,
		ResourceVersion: full.ResourceVersion,
	}
}

// applyChains brings the kernel from the chains it has to those it must have, in one step.
func applyChains(have, want map[string]string) error {
	first := have == nil
	if first {
		var err error
		if have, err = readChains(); err != nil {
			return err
		}
	}
	var flushed, rules, removed strings.Builder
	for name, content := range want {
		if old, known := have[name]; !known || old != content {
			fmt.Fprintf(&flushed, ":%s - [0:0]\n", name)
			rules.WriteString(content)
		}
	}
	for name := range have {
		if _, wanted := want[name]; !wanted {
			fmt.Fprintf(&flushed, ":%s - [0:0]\n", name)
			fmt.Fprintf(&removed, "-X %s\n", name)
		}
	}
	if flushed.Len() > 0 {
		text := "*" + policyTable + "\n" + flushed.String() + rules.String() + removed.String() + "COMMIT\n"
		if err := feed(text, "iptables-restore", "--wait", "--noflush"); err != nil {
			return err
		}
	}
	if !first {
		return nil
	}
	table := []string{"--wait", "-t", policyTable}
	jump := []string{"FORWARD", "-j", policyStart}
	if call("iptables", append(append(table, "-C"), jump...)...) == nil {
		return nil
	}
	return call("iptables", append(append(table, "-I"), jump...)...)
}

// readChains finds what an agent before this one has left; the content of each is taken for outdated.
func readChains() (map[string]string, error) {
	output, err := exec.Command("iptables-save", "-t", policyTable).Output()
	if err != nil {
		return nil, fmt.Errorf("iptables-save: %w", err)
	}
	found := map[string]string{}
	for _, line := range strings.Split(string(output), "\n") {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, ":"+policyStart) {
			found[name[1:]] = "unknown"
		}
	}
	return found, nil
}

func feed(input, name string, arguments ...string) error {
	command := exec.Command(name, arguments...)
	command.Stdin = strings.NewReader(input)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, output)
	}
	return nil
}
