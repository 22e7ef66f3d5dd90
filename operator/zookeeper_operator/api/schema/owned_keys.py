"""The keys of `zoo.cfg` that a user may not set, with the reason for each.

This is the one list: the rules of the CRD are made from it, and the operator uses it for objects that
were stored under an older schema. A key is refused when the operator sets it itself, when another
value would break a promise (identity, membership, the safety of the data), or when it cannot work.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_KEY_LENGTH: Final = 128

KEY_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What a key is made of. Anything else could end the key early and set another one."""

FOUR_LETTER_WORDS: Final = "4lw.commands.whitelist"
NEEDED_WORD: Final = "srvr"


@dataclass(frozen=True, slots=True)
class OwnedKeys:
    """Keys that are refused for the same reason.

    Attributes:
        reason: Why, and what to do instead; it completes the sentence "KEY is refused: …".
        keys: Keys by their whole name.
        prefixes: Beginnings of keys.
    """

    reason: str
    keys: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """The keys as a user reads them, with a star for the rest of a beginning."""
        return (*self.keys, *(f"{prefix}*" for prefix in self.prefixes))

    def matches(self, key: str) -> bool:
        """Return whether a key belongs to the group."""
        return key in self.keys or key.startswith(self.prefixes)


OWNED_KEYS: Final[Sequence[OwnedKeys]] = (
    OwnedKeys(
        reason="the directories are on the volumes of spec.storage",
        keys=("dataDir", "dataLogDir"),
    ),
    OwnedKeys(
        reason=(
            "clients connect to port 2181 on every address of the pod, and the Services count on "
            "it; use spec.external to be reached on other ports"
        ),
        keys=("clientPort", "clientPortAddress", "observerMasterPort", "quorumListenOnAllIPs"),
        prefixes=("multiAddress.",),
    ),
    OwnedKeys(
        reason=(
            "the operator decides who is a member and who votes; use spec.replicas and "
            "spec.observers.replicas"
        ),
        keys=("dynamicConfigFile", "peerType", "version", "oraclePath"),
        prefixes=("server.", "group", "weight"),
    ),
    OwnedKeys(
        reason=(
            "scaling without a restart and handing over leadership need it as the operator sets it"
        ),
        keys=("standaloneEnabled", "reconfigEnabled"),
    ),
    OwnedKeys(
        reason="the operator sets what keeps elections and restarts short",
        keys=("electionAlg", "electionPortBindRetry"),
        prefixes=("fastleader.",),
    ),
    OwnedKeys(
        reason="a member that starts with an empty disk could lose acknowledged writes",
        keys=("db.autocreate", "datadir.autocreate", "snapshot.trust.empty"),
    ),
    OwnedKeys(
        reason=(
            "the operator watches every member through its AdminServer on port 8080; use "
            "spec.external.adminServer to reach it from outside"
        ),
        prefixes=("admin.",),
    ),
    OwnedKeys(
        reason="the operator has a super user of its own and keeps every ACL in force",
        keys=("skipACL", "superUser", "X509AuthenticationProvider.superUser"),
        prefixes=("DigestAuthenticationProvider.",),
    ),
    OwnedKeys(
        reason=(
            "the operator requires authentication in steps that do not lock it out itself; use spec.auth"
        ),
        keys=("sessionRequireClientSASLAuth", "requireClientAuthScheme"),
        prefixes=("enforce.auth.", "quorum.auth."),
    ),
    OwnedKeys(
        reason=(
            "the operator turns TLS on and off in steps, and half of it would cut the members off; use "
            "spec.tls"
        ),
        keys=("portUnification", "client.portUnification"),
        prefixes=("secureClientPort", "ssl.", "sslQuorum"),
    ),
    OwnedKeys(
        reason=(
            "Java does not read it from zoo.cfg; put it into spec.jvm.options, such as "
            "-Djute.maxbuffer=4194304, and set the same on the clients"
        ),
        prefixes=("jute.", "java.", "javax.", "sun."),
    ),
    OwnedKeys(
        reason="ZooKeeper adds this prefix itself; leave it out",
        prefixes=("zookeeper.",),
    ),
)


OWNED_WITH_SECURITY: Final = OwnedKeys(
    reason="the operator sets it where spec.tls or spec.auth is used",
    keys=("serverCnxnFactory", "fips-mode", "client.certReload"),
    prefixes=("authProvider.", "superUser."),
)
"""Keys that are free in an ensemble without TLS and users, and refused in one with them."""


def refusal_of(key: str) -> str | None:
    """Return why a key of `spec.config` is refused, or None if it is not."""
    if len(key) > MAX_KEY_LENGTH or not re.match(KEY_PATTERN, key) or key.endswith("\n"):
        return "a key is made of letters, digits, dots, dashes and underscores"
    return next((owned.reason for owned in OWNED_KEYS if owned.matches(key)), None)


def refusal_of_value(key: str, value: str | float) -> str | None:
    """Return why a value of `spec.config` is refused, or None if it is not.

    Args:
        key: The key, which is allowed itself.
        value: The value as the user wrote it.

    Returns:
        The reason, in words that say what to do.
    """
    text = str(value)
    if "\n" in text or "\r" in text:
        return "a value is one line"
    words = {word.strip() for word in text.split(",")}
    if key == FOUR_LETTER_WORDS and not words & {NEEDED_WORD, "*"}:
        return "keep srvr in the list: zkServer.sh status needs it"
    return None
