"""Where the pods of backups and restores mount what their programs read and write.

`ZOOKEEPER_AGENT_ROOT` in the environment of a program comes before each of these paths; only tests set it.
"""

from typing import Final

ROOT_VARIABLE: Final = "ZOOKEEPER_AGENT_ROOT"

TASK: Final = "/etc/zookeeper-backup/task.json"
CA: Final = "/etc/zookeeper-backup/ca.crt"
"""The CA of the endpoint, as PEM, where the storage names a `caSecret`."""

S3_CREDENTIALS: Final = "/var/run/secrets/zookeeper-backup/s3"
ACCESS_KEY_ID: Final = "access-key-id"
SECRET_ACCESS_KEY: Final = "secret-access-key"  # noqa: S105 -- the name of a file
SESSION_TOKEN: Final = "session-token"  # noqa: S105 -- the name of a file
"""Files of `S3_CREDENTIALS`; only the last may be missing."""

ENCRYPTION_KEY: Final = "/var/run/secrets/zookeeper-backup/encryption/key"

BACKUPS: Final = "/backups"
"""The whole volume of `storage.persistentVolumeClaim`; the program itself adds the `subPath`."""

WORK: Final = "/work"
"""An empty directory that the containers of one pod share."""
SNAPSHOTS: Final = f"{WORK}/snapshot"
"""Where the joiner leaves the one file `snapshot.ZXID`."""
SYNCED: Final = f"{WORK}/synced.json"
"""What the joiner knows of the sync."""
VERIFIED: Final = f"{WORK}/verified.json"
"""What the joiner has seen when it started a server with the snapshot."""

DATA: Final = "/data"
TRANSACTIONS: Final = "/datalog"
"""The two directories of a member, mounted in the pod of a restore as in that of the member."""

TERMINATION_LOG: Final = "/dev/termination-log"
"""The result: at most 4096 bytes reach the status of the pod."""
