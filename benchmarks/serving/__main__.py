"""Measure the response times of the API for docs/reference/performance.md: `make bench-api`."""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks import docs_page
from benchmarks.serving.measure import by_runtime_client, in_process, through_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.serving.measure import Latency

HEAD = ("", "median", "99th percentile", "requests per second", "ratio to the empty handler")


def main() -> None:
    """Measure all layers and write the tables."""
    rounds = _rounds()
    layers = {"Handler called in process": in_process(rounds, 1000)}
    if find_spec("awslambdaric"):
        layers["Handler under Lambda's runtime client"] = by_runtime_client(rounds, 300)
    layers["HTTP API of the embedded stack"] = through_stack(rounds, 100)
    text = "\n\n".join([_conditions(rounds), *(_section(*layer) for layer in layers.items())])
    docs_page.write("answering", text, "make bench-api")
    sys.stdout.write(f"{text}\n")


def _rounds() -> int:
    parser = argparse.ArgumentParser(prog="make bench-api", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each variant, in turn")
    return int(parser.parse_args().rounds)


def _conditions(rounds: int) -> str:
    left_out = (
        "" if find_spec("awslambdaric") else " Lambda's runtime client is not available for this system."
    )
    python = platform.python_version()
    return f"Medians of {rounds} interleaved rounds, Python {python}.{left_out}"


def _section(title: str, variants: dict[str, list[Latency]]) -> str:
    empty = next(iter(variants.values()))
    rows = [_row(name, rounds, empty) for name, rounds in variants.items()]
    return f"**{title}**\n\n{docs_page.table(HEAD, rows)}"


def _row(name: str, rounds: Sequence[Latency], empty: Sequence[Latency]) -> list[str]:
    median = statistics.median(round_.median for round_ in rounds)
    slow = statistics.median(round_.slow for round_ in rounds)
    a_second = statistics.median(round_.a_second for round_ in rounds)
    times = statistics.median(ours.median / least.median for ours, least in zip(rounds, empty, strict=True))
    return [name, _duration(median), _duration(slow), f"{a_second:,.0f}", f"{times:,.2f}"]


def _duration(seconds: float) -> str:
    microseconds = 1e6 * seconds
    if microseconds < 10:  # noqa: PLR2004 - so that two digits are shown
        return f"{microseconds:.1f} µs"
    return f"{microseconds:,.0f} µs" if microseconds < 10_000 else f"{microseconds / 1000:,.1f} ms"  # noqa: PLR2004 - 10 ms


if __name__ == "__main__":
    main()
