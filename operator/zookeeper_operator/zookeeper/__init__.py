"""What an ensemble is and how to reach one; only `routes` through the API server depend on Kubernetes."""
