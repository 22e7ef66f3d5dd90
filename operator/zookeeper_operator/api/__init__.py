"""What a user writes and reads: the resource, its schema and its conditions."""
