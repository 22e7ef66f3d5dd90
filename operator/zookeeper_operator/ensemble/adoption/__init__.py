"""Taking over a running ensemble: its members leave one by one, ours join one by one, and it serves on."""
