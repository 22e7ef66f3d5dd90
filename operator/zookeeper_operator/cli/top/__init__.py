"""`kubectl zk top`: how busy the members are, live."""
