"""`kubectl zk report`: one archive for a person who helps, without Secrets."""
