"""Runs Apache ZooKeeper ensembles on Kubernetes."""
