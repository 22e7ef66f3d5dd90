"""What any operator needs and no ZooKeeper: queue, lease, watch, health, metrics, logs.

Nothing in here may import `core`, `shell` or `api`; import-linter checks it.
"""
