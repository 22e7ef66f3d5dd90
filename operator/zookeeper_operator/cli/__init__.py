"""`kubectl zk`: show ensembles, ask what an edit would do, open a session in a member."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; exit 1 with one sentence on standard error if it cannot be done."""
    from zookeeper_operator.cli.commands import zk  # noqa: PLC0415 -- only the command needs it all

    zk(prog_name="kubectl zk")
