"""Certificates as values: what they say, who issued them, what members and clients can use.

Knows nothing of Kubernetes but the form of a `kubernetes.io/tls` Secret, and nothing of ZooKeeper but which
keys and stores its loaders take. Everything but `fresh` is pure.
"""
