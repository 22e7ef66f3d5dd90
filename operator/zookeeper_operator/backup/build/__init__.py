"""What a backup is made of in the Kubernetes API: a Job, and the ConfigMap that it mounts. Pure."""
