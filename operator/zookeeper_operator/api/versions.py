"""The ZooKeeper releases the operator knows how to run, and between which of them it may roll.

A new release is a line in `KNOWN_VERSIONS`; a new release line also needs its pairs in `UPGRADE_PATHS`. A
release that is not known runs with a warning if its line is: ZooKeeper changes neither its data nor its
protocols within a line, and an urgent fix of ZooKeeper must not wait for a release of the operator.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DEFAULT_VERSION: Final = "3.9.4"


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A ZooKeeper release the operator knows how to run.

    Attributes:
        version: The release, which is also the tag of the official image.
        warning: What a user of this release should know, or an empty text.
    """

    version: str
    warning: str = ""


_FIXED_IN_3_9_4 = "upgrade to 3.9.4 or later: it can lose data from a discontinuous committed log"
_NEW: Final = "not every registry has an image of it yet"

KNOWN_VERSIONS: Final[Mapping[str, KnownVersion]] = MappingProxyType(
    {
        known.version: known
        for known in (
            KnownVersion("3.8.4"),
            KnownVersion("3.8.5"),
            KnownVersion("3.8.6"),
            KnownVersion("3.8.7", _NEW),
            KnownVersion("3.9.0", _FIXED_IN_3_9_4),
            KnownVersion("3.9.1", _FIXED_IN_3_9_4),
            KnownVersion("3.9.2", _FIXED_IN_3_9_4),
            KnownVersion("3.9.3", _FIXED_IN_3_9_4),
            KnownVersion("3.9.4"),
            KnownVersion("3.9.5"),
            KnownVersion("3.9.6", _NEW),
        )
    }
)

KNOWN_LINES: Final = tuple(dict.fromkeys(".".join(v.split(".")[:2]) for v in KNOWN_VERSIONS))
"""The release lines of these versions."""

PATCH_PATTERN: Final = (
    "^(" + "|".join(line.replace(".", "[.]") for line in KNOWN_LINES) + ")[.](0|[1-9][0-9]{0,3})$"
)
"""The form of a release of a known line; a candidate or a build of one's own needs an image."""

UPGRADE_PATHS: Final[frozenset[tuple[str, str]]] = frozenset(
    {("3.8", "3.8"), ("3.8", "3.9"), ("3.9", "3.8"), ("3.9", "3.9")}
)
"""Pairs of release lines between which one member at a time may be moved, from and to."""


@dataclass(frozen=True, slots=True)
class SecurityTraits:
    """How releases differ in what TLS and users need.

    Attributes:
        line: The release line.
        first: The first patch release that this is true of.
        verifies_peer_names: Whether a member can check the name of a peer it connects to alone. Earlier
            releases check the name of every peer that connects as well, which no certificate has.
        checks_names_in_fips_mode: Whether members check the names of their peers in FIPS mode too, on both
            sides.
        digest_md5_in_fips_mode: Whether a server accepts logins by DIGEST-MD5 in FIPS mode.
    """

    line: str
    first: int
    verifies_peer_names: bool
    checks_names_in_fips_mode: bool
    digest_md5_in_fips_mode: bool


_SECURITY_TRAITS: Final = (
    SecurityTraits(
        "3.8",
        0,
        verifies_peer_names=False,
        checks_names_in_fips_mode=False,
        digest_md5_in_fips_mode=True,
    ),
    SecurityTraits(
        "3.8",
        7,
        verifies_peer_names=False,
        checks_names_in_fips_mode=True,
        digest_md5_in_fips_mode=True,
    ),
    SecurityTraits(
        "3.9",
        0,
        verifies_peer_names=False,
        checks_names_in_fips_mode=False,
        digest_md5_in_fips_mode=True,
    ),
    SecurityTraits(
        "3.9",
        4,
        verifies_peer_names=True,
        checks_names_in_fips_mode=False,
        digest_md5_in_fips_mode=True,
    ),
    SecurityTraits(
        "3.9",
        6,
        verifies_peer_names=True,
        checks_names_in_fips_mode=True,
        digest_md5_in_fips_mode=False,
    ),
)
"""Each row holds until the next one of its line; of an unknown line, the last row is assumed."""


def security_traits(version: str) -> SecurityTraits:
    """Return what TLS and users need in a release; an unknown one is like the newest known of its line."""
    patch = re.match(PATCH_PATTERN, version)
    rows = [
        row
        for row in _SECURITY_TRAITS
        if patch is not None and row.line == patch[1] and row.first <= int(patch[2])
    ]
    return rows[-1] if rows else _SECURITY_TRAITS[-1]


def minor_of(version: str) -> str:
    """Return the release line of a version: `3.9` of `3.9.4`."""
    return ".".join(version.split(".")[:2])


def is_of_known_line(version: str) -> bool:
    """Return whether a version is a release of a known line, known itself or not."""
    return re.fullmatch(PATCH_PATTERN, version) is not None


def has_upgrade_path(current: str, target: str) -> bool:
    """Return whether members may be rolled from one version to the other.

    Between known versions the table decides. An unknown version needs an image of its
    own, and the user who names it must know its path; only the same line is assumed to be safe.
    """
    pair = (minor_of(current), minor_of(target))
    if current in KNOWN_VERSIONS and target in KNOWN_VERSIONS:
        return pair in UPGRADE_PATHS
    return pair[0] == pair[1] or pair in UPGRADE_PATHS
