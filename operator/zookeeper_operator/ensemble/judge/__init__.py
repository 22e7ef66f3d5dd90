"""Pure judgement: what the answers say about the quorum, and whether the spec can be acted on."""
