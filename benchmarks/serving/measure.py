"""The layers of a request, measured with every variant in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.serving.dynamodb import dynamodb
from benchmarks.serving.runtime_api import runtime_client
from benchmarks.serving.through_stack import a_second, one_after_the_other, stack
from benchmarks.serving.variants import VARIANTS, event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.serving.variants import Variant

    Batch = Callable[[int], list[float]]
    """Makes so many requests; returns the seconds that each took."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies of requests in seconds, and requests per second."""

    median: float
    slow: float
    a_second: float


def in_process(rounds: int, requests: int) -> dict[str, list[Latency]]:
    """Measure each handler in its own process, new in every round."""
    with dynamodb() as endpoint:
        batches = {variant.name: _process(variant, endpoint) for variant in VARIANTS}
        return run_rounds(batches, rounds, requests)


def by_runtime_client(rounds: int, requests: int) -> dict[str, list[Latency]]:
    """Measure the handlers under Lambda's runtime client, from the event to the response."""
    with ExitStack() as parts:
        endpoint = parts.enter_context(dynamodb())
        batches = {
            variant.name: _repeated(
                parts.enter_context(runtime_client(variant.handler, _environment(variant, endpoint)))
            )
            for variant in VARIANTS
        }
        run_rounds(batches, 1, requests // 5)
        return run_rounds(batches, rounds, requests)


def through_stack(rounds: int, requests: int) -> dict[str, list[Latency]]:
    """Measure the API of the embedded stack; requests per second are those of eight concurrent clients."""
    with ExitStack() as parts:
        addresses = {variant.name: parts.enter_context(stack(variant)) for variant in VARIANTS}
        seen: dict[str, list[Latency]] = {name: [] for name in addresses}
        for address in addresses.values():
            a_second(address, requests)
        for _ in range(rounds):
            for name, address in addresses.items():
                latency = _latency(one_after_the_other(address, requests))
                seen[name].append(Latency(latency.median, latency.slow, a_second(address, 2 * requests)))
        return seen


def run_rounds(batches: Mapping[str, Batch], rounds: int, requests: int) -> dict[str, list[Latency]]:
    """Run batches in turn, so that other load on the machine affects all of them."""
    seen: dict[str, list[Latency]] = {name: [] for name in batches}
    for _ in range(rounds):
        for name, batch in batches.items():
            seen[name].append(_latency(batch(requests)))
    return seen


def _latency(seconds: list[float]) -> Latency:
    slow = statistics.quantiles(seconds, n=100)[98]
    return Latency(statistics.median(seconds), slow, len(seconds) / sum(seconds))


def _process(variant: Variant, endpoint: str) -> Batch:
    def batch(requests: int) -> list[float]:
        command = [sys.executable, "-m", "benchmarks.serving.in_process", variant.handler, str(requests)]
        ended = subprocess.run(  # noqa: S603 - this interpreter, a module of ours
            command, env=_environment(variant, endpoint), check=True, stdout=subprocess.PIPE
        )
        return [float(line) for line in json.loads(ended.stdout)]

    return batch


def _repeated(call: Callable[[bytes], float]) -> Batch:
    asked = json.dumps(event()).encode()
    return lambda requests: [call(asked) for _ in range(requests)]


def _environment(variant: Variant, endpoint: str) -> dict[str, str]:
    return {**os.environ, **variant.environment, "AWS_ENDPOINT_URL": endpoint}
