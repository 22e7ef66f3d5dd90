"""Kubernetes and ZooKeeper through two ports, and the pass that uses them."""
