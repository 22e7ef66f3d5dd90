"""How far long work is, on standard error; nothing where that is no terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)


@contextmanager
def fetching(source: str) -> Iterator[Callable[[int], None]]:
    """Show how many bytes of a backup have been fetched."""
    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    with _progress(columns) as progress:
        task = progress.add_task(f"fetching {source}", total=None, visible=False)

        def on_bytes(size: int) -> None:
            progress.update(task, advance=size, visible=True)

        yield on_bytes


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many znodes have been read or written."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with _progress((*columns, TimeElapsedColumn())) as progress:
        task = progress.add_task(f"{what} znodes", total=total)

        def on_znodes(number: int) -> None:
            progress.update(task, advance=number)

        yield on_znodes


def _progress(columns: Sequence[ProgressColumn]) -> Progress:
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True)
