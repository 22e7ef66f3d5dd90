"""Pure: what is said about an ensemble, in its status and in Events."""
