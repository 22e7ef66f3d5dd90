"""What an ensemble is and how to talk to one; knows nothing of Kubernetes objects."""
