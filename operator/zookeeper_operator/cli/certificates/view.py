"""The served certificates on the screen: pure, from what handshakes have shown.

Ports that serve the same chain are shown together; nothing here says whether anybody should trust it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zookeeper_operator.certificates.certificate import Certificate, Chain
from zookeeper_operator.certificates.lifetime import judge_lifetime
from zookeeper_operator.cli.times import human_span
from zookeeper_operator.kube.times import format_time

_STYLES: Final = {"Valid": "green", "Expiring": "yellow"}


@dataclass(frozen=True)
class PortView:
    """What one port of one member serves; `why` says why nothing could be read."""

    member: str
    port: int
    chain: Chain | None = None
    why: str = ""


def render_certificates(views: Sequence[PortView], now: datetime) -> RenderableType:
    """Return the screen: one line for each port, then each chain once."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for title in ("MEMBER", "PORT", "SERIAL", "STATE", "ENDS", "LEFT"):
        table.add_column(title, no_wrap=title != "SERIAL")
    for view in views:
        if view.chain is None:
            table.add_row(view.member, str(view.port), Text(view.why, style="yellow"))
            continue
        leaf = view.chain.leaf
        state = _state(leaf, now)
        table.add_row(
            *(view.member, str(view.port), leaf.serial_text),
            Text(state, style=_STYLES.get(state, "bold red")),
            *(format_time(leaf.not_after), human_span(leaf.not_after - now)),
        )
    parts: list[RenderableType] = [table]
    for chain in dict.fromkeys(view.chain for view in views if view.chain is not None):
        parts += [Text(), *_describe(chain)]
    return Group(*parts)


def _describe(chain: Chain) -> Iterable[RenderableType]:
    for depth, certificate in enumerate(chain.certificates):
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row("certificate" if depth == 0 else "  sent with it", certificate.serial_text)
        grid.add_row("  subject", certificate.subject or "-")
        grid.add_row("  issuer", certificate.issuer or "-")
        grid.add_row("  key", certificate.algorithm)
        dates = f"{format_time(certificate.not_before)} to {format_time(certificate.not_after)}"
        grid.add_row("  valid", dates)
        if depth == 0:
            grid.add_row("  names", ", ".join(_names(certificate)) or "-")
        yield grid


def certificates_as_value(
    namespace: str, name: str, views: Iterable[PortView], now: datetime
) -> dict[str, Any]:
    """Return what `-o json` prints."""
    return {
        "namespace": namespace,
        "name": name,
        "ports": [
            {
                "member": view.member,
                "port": view.port,
                "problem": view.why,
                "chain": []
                if view.chain is None
                else [_as_value(c, now) for c in view.chain.certificates],
            }
            for view in views
        ],
    }


def _as_value(certificate: Certificate, now: datetime) -> dict[str, Any]:
    return {
        "serial": certificate.serial_text,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "notBefore": format_time(certificate.not_before),
        "notAfter": format_time(certificate.not_after),
        "state": _state(certificate, now),
        "key": certificate.algorithm,
        "names": _names(certificate),
    }


def _state(certificate: Certificate, now: datetime) -> str:
    return judge_lifetime([certificate], now).state


def _names(certificate: Certificate) -> list[str]:
    return [*certificate.dns_names, *certificate.ip_addresses]
