"""`kubectl zk adopt`: checks a source, foretells what would happen, and writes the manifest."""
