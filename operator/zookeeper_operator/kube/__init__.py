"""The Kubernetes API by plain dicts; knows nothing of ZooKeeper."""
