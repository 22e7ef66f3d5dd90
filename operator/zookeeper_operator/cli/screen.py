"""A screen that a command keeps up to date, until Ctrl-C."""

from collections.abc import Awaitable, Callable

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from zookeeper_operator.cli.failure import Failure, explain
from zookeeper_operator.cli.options import open_console
from zookeeper_operator.kube.api import KubeError


async def keep_showing(
    screen: RenderableType, following: Callable[[], Awaitable[RenderableType]]
) -> None:
    """Show a screen, and in its place each one that follows; a failure is shown below the last one.

    The caller makes the first screen, so that a failure of that one ends the command: a later one may be
    transient.

    Args:
        screen: the first one.
        following: waits until the next one is due, and makes it.
    """
    with Live(screen, console=open_console(), auto_refresh=False) as live:
        live.refresh()
        while True:
            try:
                screen = await following()
                live.update(screen, refresh=True)
            except KubeError as error:
                live.update(Group(screen, Text(explain(error), style="red")), refresh=True)
            except Failure as error:
                problem = Text(error.format_message(), style="red")
                live.update(Group(screen, problem), refresh=True)
