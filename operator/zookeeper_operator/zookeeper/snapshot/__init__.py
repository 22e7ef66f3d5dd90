"""ZooKeeper's snapshot files: read, verified, compared, stripped for a restore, and written. Pure.

Streams only: each function takes the `read` or `write` of a stream, and holds one block of it and one
znode. `docs/snapshots.md` describes the format and what a verification proves.
"""
