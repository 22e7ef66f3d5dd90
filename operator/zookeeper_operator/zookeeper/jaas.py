"""The users that a member lets log in by SASL DIGEST-MD5, as the file that Java reads them from.

Pure. Java reads the file once, when a member starts. It holds a second section, by which `zkCli.sh` inside
a pod logs in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_MODULE: Final = "org.apache.zookeeper.server.auth.DigestLoginModule"
_USER: Final = re.compile(r'^    user_([a-z0-9-]+)="((?:[^"\\]|\\.)*)";?$', re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\(.)")
_LONGEST_PASSWORD: Final = 256


@dataclass(frozen=True)
class Login:
    """Who logs in. `repr` hides the password."""

    user: str
    password: str = field(repr=False)


def flaw_of_password(password: bytes) -> str:
    """Why no user can have this password, in words that complete "it …"; empty if one can."""
    if not password:
        return "is empty"
    if password.endswith((b"\n", b"\r")):
        return (
            "ends with a line break, which clients would have to send as well; store it without, by "
            "--from-literal for example"
        )
    if any(not 0x20 <= byte <= 0x7E for byte in password):  # noqa: PLR2004 -- the printable characters of ASCII
        return "holds other characters than the printable ones of ASCII; choose letters and digits"
    if b"${" in password:
        return "holds ${, which Java replaces; choose another password"
    if len(password) > _LONGEST_PASSWORD:
        return f"is longer than {_LONGEST_PASSWORD} characters"
    return ""


def render_jaas(users: Mapping[str, str], login: Login) -> str:
    """The file for a server that lets these users log in, and for a client in its pod that is `login`."""
    known = "\n".join(f"    user_{name}={_quoted(users[name])}" for name in sorted(users))
    return (
        f"Server {{\n  {_MODULE} required\n{known};\n}};\n"
        f"Client {{\n  {_MODULE} required\n"
        f"    username={_quoted(login.user)}\n    password={_quoted(login.password)};\n}};\n"
    )


def read_jaas(text: str) -> Mapping[str, str]:
    """The users in a file that `render_jaas` has written, with their passwords; none if it is another one."""
    server = text.partition("\nClient {")[0]
    return {name: _ESCAPED.sub(r"\1", quoted) for name, quoted in _USER.findall(server)}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
