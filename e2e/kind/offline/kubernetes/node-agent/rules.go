package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// world is everything the rules of a node follow from.
type world struct {
	node       string
	pods       []*v1.Pod
	namespaces []*v1.Namespace
	policies   []*networking.NetworkPolicy
}

// chains are the rules of iptables, by chain: one that every forwarded packet passes, and one for each
// direction of each pod of this node that a policy isolates. There, what no rule lets return is dropped.
func (w world) chains() map[string]string {
	found := map[string]string{}
	// A connection is judged when it begins.
	start := []string{"-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"}
	for _, pod := range w.pods {
		if pod.Spec.NodeName != w.node || !has(pod) {
			continue
		}
		for _, way := range []networking.PolicyType{networking.PolicyTypeEgress, networking.PolicyTypeIngress} {
			if rules, isolated := w.rules(pod, way); isolated {
				self, _ := sides(way)
				name := fmt.Sprintf("%s%s-%s", policyStart, self, pod.Status.PodIP) // 28 characters at most
				found[name] = chain(name, append(rules, "-j DROP"))
				start = append(start, fmt.Sprintf("%s %s -j %s", self, pod.Status.PodIP, name))
			}
		}
	}
	slices.Sort(start[1:])
	found[policyStart] = chain(policyStart, start)
	return found
}

func chain(name string, rules []string) string {
	return "-A " + name + " " + strings.Join(rules, "\n-A "+name+" ") + "\n"
}

// sides are the options for the pod that is judged and for its peer.
func sides(way networking.PolicyType) (self, peer string) {
	if way == networking.PolicyTypeIngress {
		return "-d", "-s"
	}
	return "-s", "-d"
}

// has says whether a pod has an address of its own that is still in use.
func has(pod *v1.Pod) bool {
	ended := pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed
	return pod.Status.PodIP != "" && !pod.Spec.HostNetwork && !ended
}

// rules are what lets through in one direction; isolated is false where no policy selects the pod.
func (w world) rules(pod *v1.Pod, way networking.PolicyType) (rules []string, isolated bool) {
	_, other := sides(way)
	allowed := map[string]bool{other + " " + pod.Status.PodIP + " -j RETURN": true} // from itself, always
	for _, policy := range w.policies {
		if policy.Namespace != pod.Namespace || !slices.Contains(policy.Spec.PolicyTypes, way) ||
			!selects(&policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		isolated = true
		if way == networking.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				w.allow(allowed, pod, way, rule.From, rule.Ports)
			}
		} else {
			for _, rule := range policy.Spec.Egress {
				w.allow(allowed, pod, way, rule.To, rule.Ports)
			}
		}
	}
	for rule := range allowed {
		rules = append(rules, rule)
	}
	slices.Sort(rules) // the same text for the same rules
	return rules, isolated
}

func (w world) allow(
	allowed map[string]bool, pod *v1.Pod, way networking.PolicyType,
	peers []networking.NetworkPolicyPeer, ports []networking.NetworkPolicyPort,
) {
	_, other := sides(way)
	for _, peer := range w.addresses(pod.Namespace, peers) {
		server := peer.pod // whose names of ports count
		if way == networking.PolicyTypeIngress {
			server = pod
		}
		for _, match := range matches(ports, server) {
			allowed[strings.Join(slices.DeleteFunc(
				[]string{other, peer.address, match, "-j RETURN"},
				func(word string) bool { return word == "" }), " ")] = true
		}
	}
}

type address struct {
	address string
	pod     *v1.Pod // nil for a range
}

// addresses of peers as a policy of a namespace means them; no peers means everybody, whose ports have no names.
func (w world) addresses(namespace string, peers []networking.NetworkPolicyPeer) []address {
	if len(peers) == 0 {
		return []address{{address: "0.0.0.0/0"}}
	}
	var found []address
	for _, peer := range peers {
		if peer.IPBlock == nil {
			found = append(found, w.selected(namespace, peer)...)
			continue
		}
		for _, block := range without(peer.IPBlock.CIDR, peer.IPBlock.Except) {
			found = append(found, address{address: block.String()})
		}
	}
	return found
}

func (w world) selected(namespace string, peer networking.NetworkPolicyPeer) []address {
	chosen := map[string]bool{namespace: true}
	if peer.NamespaceSelector != nil {
		clear(chosen)
		for _, candidate := range w.namespaces {
			chosen[candidate.Name] = selects(peer.NamespaceSelector, candidate.Labels)
		}
	}
	var found []address
	for _, pod := range w.pods {
		if has(pod) && chosen[pod.Namespace] &&
			(peer.PodSelector == nil || selects(peer.PodSelector, pod.Labels)) {
			found = append(found, address{pod.Status.PodIP, pod})
		}
	}
	return found
}

func selects(selector *metav1.LabelSelector, set map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(set)) // the API server has validated it
}

// matches are the options for ports; without ports one that matches everything.
func matches(ports []networking.NetworkPolicyPort, server *v1.Pod) []string {
	if len(ports) == 0 {
		return []string{""}
	}
	var found []string
	for _, port := range ports {
		protocol := "-p " + strings.ToLower(string(*port.Protocol))
		switch {
		case port.Port == nil:
			found = append(found, protocol)
		case port.Port.Type == intstr.Int && port.EndPort != nil:
			found = append(found, fmt.Sprintf("%s --dport %d:%d", protocol, port.Port.IntVal, *port.EndPort))
		case port.Port.Type == intstr.Int:
			found = append(found, protocol+" --dport "+strconv.Itoa(port.Port.IntValue()))
		case server != nil:
			for _, container := range server.Spec.Containers {
				for _, declared := range container.Ports {
					if declared.Name == port.Port.StrVal && declared.Protocol == *port.Protocol {
						found = append(found, fmt.Sprintf("%s --dport %d", protocol, declared.ContainerPort))
					}
				}
			}
		}
	}
	return found
}

// without are the blocks of a range that are left when others are taken out; none for IPv6.
func without(whole string, except []string) []netip.Prefix {
	block, err := netip.ParsePrefix(whole)
	if err != nil || !block.Addr().Is4() {
		return nil
	}
	left := []netip.Prefix{block.Masked()}
	for _, text := range except {
		if hole, err := netip.ParsePrefix(text); err == nil {
			var next []netip.Prefix
			for _, part := range left {
				next = append(next, cut(part, hole.Masked())...)
			}
			left = next
		}
	}
	return left
}

func cut(block, hole netip.Prefix) []netip.Prefix {
	if !block.Overlaps(hole) {
		return []netip.Prefix{block}
	}
	if hole.Bits() <= block.Bits() {
		return nil
	}
	low := netip.PrefixFrom(block.Addr(), block.Bits()+1)
	bytes := block.Addr().As4()
	bytes[block.Bits()/8] |= 0x80 >> (block.Bits() % 8)
	high := netip.PrefixFrom(netip.AddrFrom4(bytes), block.Bits()+1)
	return append(cut(low, hole), cut(high, hole)...)
}
