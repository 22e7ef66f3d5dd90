"""The composition root: builds the parts of this operator and names its controllers. It decides nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from zookeeper_operator.api.backup_status import BackupStatus
from zookeeper_operator.backup import series as backup_series
from zookeeper_operator.backup.controller import BackupController, OnEnd
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.backup.schedule_controller import ScheduleController
from zookeeper_operator.control.controller import Controller, Key
from zookeeper_operator.control.metrics import Metrics
from zookeeper_operator.control.operator import Operator, Parts
from zookeeper_operator.ensemble import names, series
from zookeeper_operator.ensemble.controller import EnsembleController
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.routes.choice import open_zookeeper


async def run(settings: Settings) -> None:
    """Run one operator process until SIGTERM or SIGINT.

    Raises:
        LeaseLostError, WatchError: this process cannot continue; it must be restarted.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def catch_signals() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

    @asynccontextmanager
    async def open_controllers(parts: Parts) -> AsyncIterator[Sequence[Controller]]:
        probed = _count_probes(parts.metrics)
        async with open_zookeeper(settings, parts.kube, on_probe=probed) as zookeeper:
            ensembles = EnsembleController(
                parts.kube,
                zookeeper,
                settings,
                parts.board,
                may_act=parts.may_act,
                on_event_written=parts.metrics.event,
            )
            backups = BackupController(
                parts.kube,
                settings,
                may_act=parts.may_act,
                on_event_written=parts.metrics.event,
                on_end=_count_backups(parts.metrics),
            )
            schedules = ScheduleController(
                parts.kube,
                settings,
                parts.board,
                wake=parts.wake,
                may_act=parts.may_act,
                on_event_written=parts.metrics.event,
            )
            yield (ensembles, backups, schedules)

    catch_signals()
    operator = Operator(
        settings,
        open_controllers,
        domain=names.GROUP,
        counted=(*series.COUNTED, *backup_series.COUNTED),
        reported=(*series.REPORTED, *backup_series.REPORTED),
        log_extra=_log_extra,
        catch_signals=catch_signals,
    )
    await operator.run(stop)


def _log_extra(key: Key) -> dict[str, object]:
    """The fields of a log record about a key; ensembles have a column of their own."""
    if key.kind == names.KIND:
        return {"ensemble": f"{key.namespace}/{key.name}"}
    return {"key": str(key)}


def _count_probes(metrics: Metrics) -> Callable[[float, str | None], None]:
    def count(seconds: float, failure: str | None = None) -> None:
        metrics.histogram("probe_seconds").observe(seconds)
        if failure is not None:
            metrics.counter("probe_failures").labels(failure).inc()

    return count


def _count_backups(metrics: Metrics) -> OnEnd:
    def count(backup: Backup, status: BackupStatus) -> None:
        result = "Succeeded" if status.phase == "Succeeded" else status.reason
        where = (backup.metadata.namespace, backup.spec.ensemble_ref.name)
        metrics.counter("backups").labels(*where, result).inc()

    return count
