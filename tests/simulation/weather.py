"""How bad everything between the operator and everything else is right now: rates, not events."""

from dataclasses import dataclass, replace


@dataclass
class Weather:
    """Probabilities per request, per list, per event, per write. All zero is a fine day."""

    api_errors: float = 0.0
    api_hangs: float = 0.0
    stale_lists: float = 0.0
    lost_events: float = 0.0
    crash_after_write: float = 0.0
    vague_answers: float = 0.0
    lost_calls: float = 0.0
    late_answers: float = 0.0
    silent_members: float = 0.0
    late_readiness: float = 0.0
    slow_operator: float = 0.0

    def clear(self) -> None:
        """Let the faults end."""
        self.__init__()  # type: ignore[misc]

    def without(self, *names: str) -> "Weather":
        """The same with some of it left out."""
        return replace(self, **dict.fromkeys(names, 0.0))

    def bad(self) -> list[str]:
        """What is not zero."""
        return [name for name, value in vars(self).items() if value]
