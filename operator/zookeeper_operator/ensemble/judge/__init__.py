"""What the members' answers say about the quorum, and whether the spec can be acted on. Pure."""
