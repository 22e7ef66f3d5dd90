"""`python -m zookeeper_operator`: environment and command line → Settings → run."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, get_origin

import pydantic

from zookeeper_operator import app
from zookeeper_operator.api.privileges import PRIVILEGES
from zookeeper_operator.control.elector import LeaseLostError
from zookeeper_operator.control.logging import configure
from zookeeper_operator.control.watch import WatchError
from zookeeper_operator.settings import Settings

PREFIX = "ZOOKEEPER_OPERATOR_"
_JSON_DEPTH = 30_000  # the API server reads 10 000 levels
_LOG = logging.getLogger("zookeeper_operator")


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Settings from the environment, overridden by the command line.

    Lists are comma-separated. `--kubeconfig` without a Lease of its own: an operator run from a checkout
    works alone.

    Raises:
        SystemExit: a value cannot be read; the message names it.
    """
    parser = argparse.ArgumentParser(
        prog="zookeeper-operator", description="Run the ZooKeeper operator."
    )
    for name, field in Settings.model_fields.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=environment.get(PREFIX + name.upper()),
            help=f"{field.description} (default: {field.default!r})",
        )
    given = {k: v for k, v in vars(parser.parse_args(arguments)).items() if v is not None}
    values: dict[str, Any] = {
        name: tuple(filter(None, text.split(",")))
        if get_origin(Settings.model_fields[name].annotation) is tuple
        else text
        for name, text in given.items()
    }
    if unknown := sorted({*values.get("allow_privileged", ())} - {*PRIVILEGES}):
        parser.error(
            f"--allow-privileged ({PREFIX}ALLOW_PRIVILEGED): {', '.join(unknown)}: unknown; known are "
            f"{', '.join(PRIVILEGES)}"
        )
    try:
        return Settings.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        parser.error(f"--{name.replace('_', '-')} ({PREFIX}{name.upper()}): {first['msg']}")


def accept_nested_objects() -> None:
    """Let this process read whatever the API server stores, however deeply it is nested.

    With Python's own limit, the watch and every list that such an object is in would fail for all ensembles.
    """
    sys.setrecursionlimit(_JSON_DEPTH)


def main() -> None:
    """Run until a signal; exit 1 when this process cannot continue.

    It exits without closing the loop, which would wait for kopf: kopf needs seconds to end what it has
    open, and waits forever for tasks that closing the loop has cancelled. Our own parts have ended before.
    """
    accept_nested_objects()
    settings = read_settings(sys.argv[1:], os.environ)
    configure(settings.log_format, settings.log_level)
    code = 1
    try:
        asyncio.Runner().run(app.run(settings))
        code = 0
    except (LeaseLostError, WatchError) as error:
        _LOG.error("Ending: %s", error)
    except Exception:  # noqa: BLE001 -- logged; the process ends in any case
        _LOG.exception("Ending")
    finally:
        logging.shutdown()
        os._exit(code)
