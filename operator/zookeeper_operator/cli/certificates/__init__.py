"""`kubectl zk certificates`: which certificates the ports of the members serve."""
