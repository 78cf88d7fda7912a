"""One measurement in its own process: the cost of a contestant's count of a file.

Times exclude imports; memory is that of the whole process. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from importlib import import_module
from pathlib import Path


def main(contestant: str, path: str, variant: str, cores: str) -> None:
    """Count and print seconds, CPU seconds, peak memory in bytes, and the counts."""
    _limit(int(cores))
    count = import_module(f"benchmarks.contestants.{contestant}").count
    clock, used = time.perf_counter(), time.process_time()
    counts = count(Path(path), by_row=variant == "row", cores=int(cores))
    seconds, cpu = time.perf_counter() - clock, time.process_time() - used
    plain = sorted([*key, rows] for key, rows in counts.items()) if counts is not None else None
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "memory": peak_memory(), "counts": plain}))


def peak_memory() -> int:
    """Return the peak memory of the process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # not getrusage, in which a child starts with its parent's peak
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limit(cores: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    os.environ |= {"POLARS_MAX_THREADS": str(cores), "OMP_NUM_THREADS": str(cores)}


if __name__ == "__main__":
    main(*sys.argv[1:])
