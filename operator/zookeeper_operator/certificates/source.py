"""A `kubernetes.io/tls` Secret with `ca.crt`, checked before any member sees it.

Pure. A certificate that the peers refuse is not reported by any member, so it must be found here. Each flaw
names the key of the Secret, what is wrong there and what to do; nothing of a private key is in any of them.
Dates are not judged here but by `lifetime`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from zookeeper_operator.certificates.certificate import (
    ANY_PURPOSE,
    CLIENT,
    SERVER,
    Certificate,
    Trust,
    read_certificates,
    trust_of,
)
from zookeeper_operator.certificates.path import Path, chain_of, objection_to, path_to
from zookeeper_operator.certificates.private_key import (
    KeyPair,
    PrivateKey,
    UnusableKeyError,
    read_private_key,
)

SourceKey = Literal["tls.crt", "tls.key", "ca.crt"]

CERTIFICATE: Final[SourceKey] = "tls.crt"
PRIVATE_KEY: Final[SourceKey] = "tls.key"
AUTHORITIES: Final[SourceKey] = "ca.crt"

_MOST_CERTIFICATES: Final = 10
_MOST_AUTHORITIES: Final = 50
_NAMES_IN_A_SENTENCE: Final = 3

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a source: where, what, and what to do."""

    key: SourceKey
    problem: str
    advice: str

    @property
    def sentence(self) -> str:
        """The flaw as it stands in a condition, after the name of the Secret."""
        return f"{self.key}: {self.problem}; {self.advice}"


@dataclass(frozen=True)
class Source:
    """What members can be given: a key pair, the CAs to trust, and the path between them."""

    key_pair: KeyPair
    trust: Trust
    path: Path


@dataclass(frozen=True)
class Reading:
    """What became of a Secret: a source, or the flaws that keep it from being one."""

    source: Source | None
    flaws: tuple[Flaw, ...] = ()
    warnings: tuple[Flaw, ...] = ()


def read_source(
    data: Mapping[str, bytes], *, names: Collection[str] = (), names_required: bool = False
) -> Reading:
    """Check the decoded `data` of a Secret.

    Args:
        data: the bytes of each key.
        names: the DNS names by which members and clients dial the members.
        names_required: whether a name that the certificate lacks is a flaw, and not only a warning.
    """
    flaws: list[Flaw] = []
    found = _part(data, CERTIFICATE, _read_chain, flaws)
    key = _part(data, PRIVATE_KEY, read_private_key, flaws)
    authorities = _part(data, AUTHORITIES, _read_authorities, flaws)
    if found is None or _is_out_of_order(found, key):
        return Reading(None, (*flaws, *([_OUT_OF_ORDER] if found is not None else [])))
    leaf = found[0]
    path = path_to(chain_of(leaf, found[1:]), authorities or ())
    missing = tuple(_flaws_of_names(leaf, names))
    flaws += (
        *_flaws_of_leaf(leaf, key),
        *(_flaws_of_path(leaf, path) if authorities is not None else ()),
        *(missing if names_required else ()),
    )
    if flaws or key is None or path is None or authorities is None:
        return Reading(None, tuple(flaws))
    source = Source(KeyPair(key, path.chain), trust_of(authorities), path)
    warnings = (*(() if names_required else missing), *_flaws_of_subjects(authorities))
    return Reading(source, warnings=warnings)


class _UnusableError(ValueError):
    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.advice = advice


def _part(
    data: Mapping[str, bytes],
    key: SourceKey,
    read: Callable[[bytes], _Value],
    flaws: list[Flaw],
) -> _Value | None:
    """What stands under one key, or None and a flaw."""
    content = data.get(key, b"")
    if not content.strip():
        flaws.append(Flaw(key, "the Secret has no such key, or nothing in it", _WANTED[key]))
        return None
    try:
        return read(content)
    except (_UnusableError, UnusableKeyError) as error:
        flaws.append(Flaw(key, error.problem, error.advice))
        return None


_WANTED: Final[Mapping[SourceKey, str]] = {
    CERTIFICATE: "put the certificate of the members there, and its intermediates after it",
    PRIVATE_KEY: "put the private key of the certificate there",
    AUTHORITIES: (
        "put the CA that issued the certificate there: members accept each other by it. An issuer that does "
        "not publish its CA, such as ACME, cannot be used"
    ),
}


def _read_chain(pem: bytes) -> tuple[Certificate, ...]:
    found = _read_pem(pem)
    if len(found) > _MOST_CERTIFICATES:
        raise _UnusableError(
            f"it holds {len(found)} certificates, more than {_MOST_CERTIFICATES}",
            "leave the certificate of the members and its intermediates there",
        )
    return found


def _read_authorities(pem: bytes) -> tuple[Certificate, ...]:
    found = _read_pem(pem)
    if len(found) > _MOST_AUTHORITIES:
        raise _UnusableError(
            f"it holds {len(found)} certificates, more than {_MOST_AUTHORITIES}",
            "name only the CAs of this ensemble: whoever has a certificate of one of them can join it",
        )
    for one in found:
        if not one.is_authority:
            raise _UnusableError(
                f"the certificate of {one.subject or 'an empty subject'} is not a CA",
                "put the CA there that issued tls.crt, with basicConstraints CA:TRUE",
            )
    return found


def _read_pem(pem: bytes) -> tuple[Certificate, ...]:
    try:
        return read_certificates(pem)
    except ValueError as error:
        if b"-----BEGIN CERTIFICATE-----" in pem:
            raise _UnusableError(
                f"a certificate in it cannot be read ({error})", "write it again as it was issued"
            ) from error
        raise _UnusableError(
            "it holds no certificate in PEM",
            "write it as PEM; DER, PKCS12 and JKS are not read",
        ) from error


_OUT_OF_ORDER: Final = Flaw(
    CERTIFICATE,
    "the certificate that belongs to tls.key is not the first",
    "put it first, and its intermediates after it",
)


def _is_out_of_order(found: tuple[Certificate, ...], key: PrivateKey | None) -> bool:
    owners = [key is not None and one.public_key == key.public_key for one in found]
    return any(owners) and not owners[0]


def _flaws_of_leaf(leaf: Certificate, key: PrivateKey | None) -> Iterator[Flaw]:
    if key is not None and leaf.public_key != key.public_key:
        yield Flaw(
            PRIVATE_KEY,
            f"it does not belong to the certificate of {leaf.subject or 'tls.crt'}",
            "put the key there for which tls.crt was issued",
        )
    purposes = leaf.purposes
    if purposes is not None and ANY_PURPOSE not in purposes:
        lacking = [purpose for purpose in (SERVER, CLIENT) if purpose not in purposes]
        if lacking:
            yield Flaw(
                CERTIFICATE,
                f"its extended key usage lacks {' and '.join(lacking)}",
                "issue it for serverAuth and clientAuth: a member is server and client of the others",
            )
    if leaf.key_usage is not None and "digitalSignature" not in leaf.key_usage:
        yield Flaw(
            CERTIFICATE,
            "its key usage lacks digitalSignature",
            "issue it with digitalSignature, or without a key usage",
        )


def _flaws_of_path(leaf: Certificate, path: Path | None) -> Iterator[Flaw]:
    if path is None:
        yield Flaw(
            CERTIFICATE,
            f"no CA in ca.crt has issued it, its issuer is {leaf.issuer or 'not named'}",
            "add the intermediates after it, or put the CA that issued it into ca.crt",
        )
        return
    objection = objection_to(path)
    if objection is not None:
        certificate, why = objection
        key = AUTHORITIES if certificate == path.anchor else CERTIFICATE
        yield Flaw(
            key,
            f"the certificate of {certificate.subject or 'an empty subject'} {why}",
            "use a chain that Java and OpenSSL accept",
        )


def _flaws_of_names(leaf: Certificate, names: Collection[str]) -> Iterator[Flaw]:
    missing = [name for name in names if not covers(leaf, name)]
    if missing:
        shown = ", ".join(missing[:_NAMES_IN_A_SENTENCE])
        rest = len(missing) - _NAMES_IN_A_SENTENCE
        yield Flaw(
            CERTIFICATE,
            f"it does not name {shown}{f' and {rest} more' if rest > 0 else ''}",
            "add them as DNS names (subjectAltName): who checks names refuses it",
        )


def _flaws_of_subjects(authorities: tuple[Certificate, ...]) -> Iterator[Flaw]:
    for index, one in enumerate(authorities):
        if any(
            one.has_subject_of(other) and one.public_key != other.public_key
            for other in authorities[index + 1 :]
        ):
            yield Flaw(
                AUTHORITIES,
                f"two CAs have the subject {one.subject or 'of no name'}",
                "give a new CA another common name: Java clients that read ca.crt keep only the last of them",
            )
            return


def covers(leaf: Certificate, name: str) -> bool:
    """Whether a certificate names a host, itself or by a wildcard for its first label."""
    wanted = name.lower().rstrip(".")
    wildcard = f"*.{wanted.partition('.')[2]}"
    return any(known.lower() in (wanted, wildcard) for known in leaf.dns_names)
