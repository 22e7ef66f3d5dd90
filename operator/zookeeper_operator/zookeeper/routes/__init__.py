"""The routes to a member: its own address, or the Kubernetes API server."""
