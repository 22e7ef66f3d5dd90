"""A store in a bucket of S3, or of a server that speaks its protocol. Only this module imports obstore.

Requests that fail are repeated by obstore for a while. What is larger than a part is stored in parts, and is
there when all of them are. Parts of a process that was killed stay hidden in the bucket and cost money: a
lifecycle rule of the bucket should remove them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store as Bucket

from zookeeper_operator.api.backup import S3Storage
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.stores import Stored

if TYPE_CHECKING:  # these are no names at run time
    from obstore.store import ClientConfig, RetryConfig, S3Config

PART: Final = 8 << 20
"""How much is sent or read by one request. S3 knows 10000 parts: 80 GB."""
_PARTS_AT_A_TIME: Final = 2
_SHOWN: Final = 400

_CODE: Final = re.compile(r"<Code>(?P<code>[A-Za-z]+)</Code>")
_STATUS: Final = re.compile(r"status code: (?P<status>[0-9]{3})")
_REFUSED: Final = frozenset(
    {
        *("AccessDenied", "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId"),
        *("InvalidToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired"),
    }
)
_REFUSED_STATUSES: Final = frozenset({"401", "403"})
_FULL: Final = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage"})
_FULL_STATUS: Final = "507"
_ELSEWHERE: Final = frozenset({"PermanentRedirect", "IllegalLocationConstraintException"})
_WITHOUT_CREDENTIALS: Final = ("169.254.169.254", "169.254.170.2", "sts.")
"""Hosts that hand out credentials of a service account or a machine."""


@dataclass(frozen=True)
class Credentials:
    """The keys of an account."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Patience:
    """How long a request may take, and how long it is repeated."""

    connect: timedelta = timedelta(seconds=10)
    request: timedelta = timedelta(minutes=2)
    retries: int = 8
    retry: timedelta = timedelta(minutes=3)


class S3Store:
    """A `Store` in a bucket."""

    def __init__(
        self,
        storage: S3Storage,
        *,
        credentials: Credentials | None,
        ca: bytes | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Prepare requests; none is sent yet.

        Args:
            storage: which bucket.
            credentials: None: those that the environment or the machine gives to this process.
            ca: certificates that are trusted beside the public ones, as PEM.
            patience: how long to wait.

        Raises:
            ArchiveError: the settings cannot be used.
        """
        self._name = storage.bucket
        try:
            self._bucket = Bucket(
                storage.bucket,
                config=_config(storage, credentials),
                client_options=_client(storage, ca, patience or Patience()),
                retry_config=_retry(patience or Patience()),
            )
        except (exceptions.BaseError, ValueError) as error:
            raise ArchiveError(
                Reason.INVALID_CREDENTIALS,
                f"the settings of the bucket {storage.bucket} cannot be used: {_shown(error)}",
            ) from error

    def location(self, path: str) -> str:
        """Return `s3://BUCKET/PATH`."""
        return f"s3://{self._name}/{path}"

    def put(self, path: str, blocks: Iterable[bytes]) -> None:
        """Store a stream in parts."""
        if self._exists(path):
            raise self._already_stored(path)
        source = _Source(blocks)
        try:
            obstore.put(
                self._bucket,
                path,
                iter(source),
                use_multipart=True,
                chunk_size=PART,
                max_concurrency=_PARTS_AT_A_TIME,
            )
        except Exception as error:
            if source.failure is not None:
                raise source.failure from None
            raise self._error(error, "store", path) from error

    def create(self, path: str, content: bytes) -> None:
        """Store a short content, if there is nothing yet."""
        try:
            obstore.put(self._bucket, path, content, mode="create", use_multipart=False)
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
            raise self._already_stored(path) from error
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise self._error(error, "store", path) from error

    def get(self, path: str) -> Iterator[bytes]:
        """Iterate over the content, by one request for each part: a connection that is cut costs one part."""
        try:
            size = obstore.head(self._bucket, path)["size"]
            for start in range(0, size, PART):
                end = min(start + PART, size)
                yield bytes(obstore.get_range(self._bucket, path, start=start, end=end))
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise self._error(error, "read", path) from error

    def list(self, directory: str) -> Iterator[Stored]:
        """Iterate over all objects below a directory."""
        try:
            for chunk in obstore.list(self._bucket, f"{directory}/"):
                for found in chunk:
                    yield Stored(found["path"], found["size"], found["last_modified"])
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise self._error(error, "list", directory) from error

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects, one after the other."""
        for path in paths:
            try:
                obstore.delete(self._bucket, path)
            except (exceptions.BaseError, OSError, ValueError) as error:
                failure = self._error(error, "delete", path)
                if failure.reason is not Reason.BACKUP_NOT_FOUND:
                    raise failure from error

    def _exists(self, path: str) -> bool:
        try:
            obstore.head(self._bucket, path)
        except FileNotFoundError:
            return False
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise self._error(error, "store", path) from error
        return True

    def _already_stored(self, path: str) -> ArchiveError:
        return ArchiveError(
            Reason.ALREADY_STORED,
            f"there is already {self.location(path)}; nothing is overwritten",
        )

    def _error(self, error: Exception, action: str, path: str) -> ArchiveError:
        reason, advice = _judge(error)
        what = f"cannot {action} {self.location(path)}: {_shown(error)}"
        return ArchiveError(reason, f"{what}; {advice}" if advice else what)


class _Source:
    """Blocks whose own failure is remembered: what comes back through obstore may be another exception."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks
        except Exception as error:
            self.failure = error
            raise


def _config(storage: S3Storage, credentials: Credentials | None) -> "S3Config":
    config: S3Config = {
        "region": storage.region,
        "virtual_hosted_style_request": not storage.force_path_style,
    }
    if storage.endpoint is not None:
        config["endpoint"] = _endpoint(storage)
    if storage.server_side_encryption is not None:
        config["server_side_encryption"] = storage.server_side_encryption
    if credentials is not None:
        config["access_key_id"] = credentials.access_key_id
        config["secret_access_key"] = credentials.secret_access_key
        if credentials.session_token is not None:
            config["session_token"] = credentials.session_token
    return config


def _endpoint(storage: S3Storage) -> str:
    endpoint = (storage.endpoint or "").rstrip("/")
    if storage.force_path_style:
        return endpoint
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(netloc=f"{storage.bucket}.{parts.netloc}"))


def _client(storage: S3Storage, ca: bytes | None, patience: Patience) -> "ClientConfig":
    options: ClientConfig = {
        "allow_http": (storage.endpoint or "").startswith("http://"),
        "connect_timeout": patience.connect,
        "timeout": patience.request,
    }
    if ca is not None:
        options["root_certificate"] = ca
    return options


def _retry(patience: Patience) -> "RetryConfig":
    return {"max_retries": patience.retries, "retry_timeout": patience.retry}


def _judge(error: Exception) -> tuple[Reason, str]:
    """Why a request has failed, and what to do."""
    text = str(error)
    code = found["code"] if (found := _CODE.search(text)) else ""
    status = found["status"] if (found := _STATUS.search(text)) else ""
    if any(host in text.split("\n", maxsplit=1)[0] for host in _WITHOUT_CREDENTIALS):
        return (
            Reason.INVALID_CREDENTIALS,
            "there are no credentials: name a credentialsSecret, or a serviceAccountName with rights",
        )
    if code == "NoSuchBucket":
        return Reason.STORAGE_NOT_FOUND, "create the bucket, or correct spec.storage.s3.bucket"
    if code in _ELSEWHERE:
        return Reason.STORAGE_NOT_FOUND, "correct spec.storage.s3.region or endpoint"
    if (
        isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError)
        or code in _REFUSED
        or status in _REFUSED_STATUSES
    ):
        return (
            Reason.STORAGE_REFUSED,
            "correct the credentials, or allow them to read, list, write and delete below the prefix",
        )
    if code in _FULL or status == _FULL_STATUS:
        return Reason.STORAGE_FULL, "make room in the storage, or remove backups"
    if isinstance(error, FileNotFoundError):
        return Reason.BACKUP_NOT_FOUND, ""
    return Reason.STORAGE_UNAVAILABLE, "it is tried again with the next backup"


def _shown(error: Exception) -> str:
    """The message of an error for people: obstore appends a dump of its values."""
    text = " ".join(str(error).split("\n\nDebug source:")[0].split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
