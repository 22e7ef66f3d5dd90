"""A stored backup: its manifest, its place, its encryption, the stores, and what is in them. No Kubernetes.

A backup is a directory with the compressed snapshot and, written last, `manifest.json`. A directory without a
manifest is no backup. Nothing that is stored is ever overwritten. `docs/reference/backup-format.md` describes
it for those who must read one without the operator.
"""
