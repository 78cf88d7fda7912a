"""Measurements, each in its own process, and their medians."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MINUTES = 15


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a count: wall-clock and CPU seconds, and peak memory in bytes."""

    seconds: float
    cpu: float
    memory: float


def measure(
    contestant: str, path: Path, variant: str, cores: int, environment: Mapping[str, str] | None = None
) -> tuple[Cost, Any]:
    """Run a contestant on a file once; return the cost and the counts.

    Raises:
        RuntimeError: if the contestant fails.
    """
    command = [
        sys.executable,
        "-m",
        "benchmarks.measured_process",
        contestant,
        str(path),
        variant,
        str(cores),
    ]
    ended = subprocess.run(  # noqa: S603 - this interpreter and a benchmark module
        command, capture_output=True, text=True, check=False, timeout=60 * MINUTES, env=environment
    )
    if ended.returncode:
        raise RuntimeError(f"{contestant} on {path.name}: {ended.stderr.strip()[-2000:]}")
    result = json.loads(ended.stdout.splitlines()[-1])
    counts = result.pop("counts")
    return Cost(**result), counts


def median(costs: Iterable[Cost]) -> Cost:
    """Return the medians of several costs."""
    content = list(costs)
    return Cost(
        *(statistics.median(getattr(c, name) for c in content) for name in ("seconds", "cpu", "memory"))
    )
