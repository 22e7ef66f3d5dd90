"""What runs in the pods of backups and restores: `python -m zookeeper_operator.agent COMMAND`.

The commands are `back-up`, `restore` and `prune`. A program reads its task from a file and the credentials
from others, does its work, and leaves a result where the kubelet reads it for the status of the pod. It
knows no Kubernetes API. `task`, `result` and `mounts` are what it has in common with those that build its
pods; they are pure.
"""
