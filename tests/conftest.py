"""What all tests share."""

import asyncio
import os

from hypothesis import HealthCheck, settings

# How long one example takes says something about the machine, not about the code. In continuous
# integration the same examples are tried each time; at a desk new ones.
settings.register_profile(
    "project",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")

# From now on asking for a loop where none is set is an error. Otherwise asyncio makes one on the quiet,
# which nobody closes, and some later test is blamed for the warning.
asyncio.set_event_loop(None)
