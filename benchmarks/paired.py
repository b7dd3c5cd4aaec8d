"""Timing of whole commands, in turn (A B A B …), so that a machine whose speed drifts still gives a fair ratio."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence


def seconds(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Return the wall time of one run. Raises CalledProcessError when the command fails."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, env=env)
    return time.perf_counter() - begun


def ratio(
    command: Sequence[str], floor: Sequence[str], *, runs: int = 15, env: Mapping[str, str] | None = None
) -> tuple[float, float, float]:
    """Return (median of the command, median of the floor, median of the ratios run by run), after a warm-up."""
    seconds(command, env)
    seconds(floor, env)
    pairs = [(seconds(command, env), seconds(floor, env)) for _ in range(runs)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )
