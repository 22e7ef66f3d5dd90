"""A run, told so that a person can follow it."""

from tests.simulation.run import Result
from tests.simulation.scenario import Scenario


def render(
    scenario: Scenario, result: Result, dropped: frozenset[int], still: frozenset[str]
) -> str:
    """The scenario, everything that happened, the verdict, and how to see it again."""
    lines = [f"seed {scenario.seed}: {scenario.spec}", "events:"]
    lines += [
        f"  {number:2d} {'(left out) ' if number in dropped else ''}{event}"
        for number, event in enumerate(scenario.events)
    ]
    weather = scenario.weather.without(*still)
    rates = ", ".join(f"{name} {vars(weather)[name]:g}" for name in weather.bad())
    lines.append(f"weather until {scenario.calm_at:.1f}: {rates or 'fine'}")
    lines += [f"{entry.at:9.3f} {entry.actor:<14} {entry.what}" for entry in result.history]
    if result.violation is None:
        lines.append(
            f"well: {result.acknowledged} writes acknowledged, {result.writes} writes to the API, "
            f"{result.virtual_seconds:.0f} s of virtual time"
        )
    else:
        lines.append(f"BROKEN at {result.violation.at:.3f}: {result.violation.rule}")
        lines.append(f"  {result.violation.what}")
    lines.append(f"replay: {replay_command(scenario, dropped, still)}")
    return "\n".join(lines)


def replay_command(scenario: Scenario, dropped: frozenset[int], still: frozenset[str]) -> str:
    """The command that runs exactly this again."""
    which = "--adopt " if scenario.source else ""
    which = which if scenario.reconfigures else "--cut-over "
    command = f".venv/bin/python -m tests.simulation {which}--seed {scenario.seed}"
    if dropped:
        command += f" --drop {','.join(map(str, sorted(dropped)))}"
    if still:
        command += f" --still {','.join(sorted(still))}"
    return command
