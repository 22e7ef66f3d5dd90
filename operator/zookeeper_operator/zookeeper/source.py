"""Members of an ensemble that is not ours, asked on their client ports: what anyone who reaches them may ask.

`srvr` is the one word that every release and every chart answers. What was said is read from bytes that may
be anything: what cannot be read is unknown.
"""

import asyncio
import re
from typing import Final

from kazoo.exceptions import KazooException, NoAuthError, NoNodeError

from zookeeper_operator.zookeeper.answer_limit import answered_within
from zookeeper_operator.zookeeper.answers import no_answer_within, one_line
from zookeeper_operator.zookeeper.protocol import (
    Address,
    Endpoint,
    EnsembleUnreachableError,
    SourceAnswer,
)
from zookeeper_operator.zookeeper.reconfig import CONFIG_NODE, OpenSession, read_config_node
from zookeeper_operator.zookeeper.session import FAILURES, Deadline

_LONGEST: Final = 1 << 14
_MODES: Final = frozenset({"leader", "follower", "observer", "standalone"})
_FORBIDDEN: Final = "is not in the whitelist"
_NOT_SERVING: Final = "not currently serving"
_LINE: Final = re.compile(r"^(?P<key>[A-Z][A-Za-z ]{2,30}): ?(?P<value>.*)$")
_POD: Final = re.compile(
    r"(?P<pod>[a-z0-9-]+)[.][a-z0-9-]+[.](?P<namespace>[a-z0-9-]+)[.]svc([.]|$)"
)
_COMPLETE: Final = re.compile(
    rb"Node count: [0-9]+\n|not currently serving requests\n|whitelist\.\n"
)
_VERSION: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}")


def read_srvr(body: bytes) -> SourceAnswer:
    """What a member says of itself in its answer to `srvr`."""
    text = body.decode(errors="replace")
    if _NOT_SERVING in text:
        return SourceAnswer(reachable=True, problem="does not serve at this moment", denies=True)
    fields = {
        found["key"]: found["value"]
        for line in text.splitlines()
        if (found := _LINE.match(line.strip()))
    }
    mode = fields.get("Mode", "").strip()
    if mode not in _MODES:
        # Nothing else is repeated: a spec must not let its author read what they cannot reach.
        why = "srvr is not in its whitelist" if _FORBIDDEN in text else "does not answer srvr"
        return SourceAnswer(reachable=True, problem=why)
    version = _VERSION.match(fields.get("Zookeeper version", ""))
    return SourceAnswer(
        reachable=True,
        mode=mode,
        zxid=_number(fields.get("Zxid", ""), 16),
        connections=_number(fields.get("Connections", ""), 10),
        version=version[0] if version else "",
    )


def _number(text: str, base: int) -> int | None:
    try:
        found = int(text.strip(), base)
    except ValueError:
        return None
    return found if 0 <= found < 1 << 63 else None


def address_of(endpoint: Endpoint) -> Address:
    """An endpoint as the routes know members; one that names a pod can be reached through the API server."""
    found = _POD.match(endpoint.host)
    pod, namespace = (found["pod"], found["namespace"]) if found else ("", "")
    return Address(0, namespace, pod, endpoint.host)


async def ask_source(address: str, *, seconds: float) -> SourceAnswer:
    """Ask the member at `host:port`; never raises."""
    host, _, port = address.rpartition(":")
    try:
        async with answered_within(seconds):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                writer.write(b"srvr")
                return read_srvr(await _read(reader))
            finally:
                writer.close()
    except TimeoutError:
        return SourceAnswer(reachable=False, problem=no_answer_within(seconds))
    except ConnectionRefusedError:
        return SourceAnswer(reachable=False, problem="refuses the connection", refuses=True)
    except OSError as error:
        return SourceAnswer(reachable=False, problem=one_line(str(error)) or "unreachable")


async def _read(reader: asyncio.StreamReader) -> bytes:
    body = b""
    # Not to the end of the connection: through the API server that is told late.
    while len(body) < _LONGEST and not _COMPLETE.search(body):
        part = await reader.read(_LONGEST)
        if not part:
            break
        body += part
    return body


def read_source_config(open_session: OpenSession, deadline: Deadline) -> str:
    """The text of `/zookeeper/config`, without the rights of a super user; empty for a standalone server.

    Raises:
        EnsembleUnreachableError: it could not be read; nothing is known.
    """
    with open_session() as session:
        try:
            return read_config_node(session, deadline).decode(errors="replace")
        except NoNodeError:
            return ""
        except NoAuthError as error:
            raise EnsembleUnreachableError(
                f"{CONFIG_NODE} may not be read: its ACL does not let everyone read it"
            ) from error
        except FAILURES as error:
            why = (
                type(error).__name__ if isinstance(error, KazooException) else one_line(str(error))
            )
            raise EnsembleUnreachableError(f"{CONFIG_NODE} is not answered: {why}") from error
