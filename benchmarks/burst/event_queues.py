"""Queues of events: Lambda's, which backs off after throttling, and a queue without delays."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.burst.clock import Clock

FIRST_RETRY, MAX_RETRY = 1.0, 300.0
"""Seconds until Lambda retries a throttled event; doubled at each attempt, as AWS documents."""

DISPATCH_SECONDS = 0.01


class LambdaQueue:
    """Events of an asynchronous function with limited concurrency.

    An event that arrives while all functions are busy is throttled and retried later.

    Attributes:
        ages: the age of each event at its invocation, in seconds.
        throttles: how often an event was throttled.
    """

    def __init__(self, clock: Clock, arrivals: Iterable[float]) -> None:
        self._clock = clock
        self._waiting = [(at, number, at, FIRST_RETRY) for number, at in enumerate(arrivals)]
        heapq.heapify(self._waiting)
        self.ages: list[float] = []
        self.throttles = 0

    def take(self) -> list[int]:
        """Wait for an event; return its number, or nothing if none is left."""
        self._throttle_arrived()
        if not self._waiting:
            return []
        at, number, arrived, _ = heapq.heappop(self._waiting)
        self._clock.sleep(at - self._clock.now + DISPATCH_SECONDS)
        self.ages.append(self._clock.now - arrived)
        return [number]

    def _throttle_arrived(self) -> None:
        while self._waiting and self._waiting[0][0] < self._clock.now:
            at, number, arrived, pause = self._waiting[0]
            self.throttles += 1
            again = at + pause * self._clock.uniform(0.5, 1)
            heapq.heapreplace(self._waiting, (again, number, arrived, min(2 * pause, MAX_RETRY)))


class ReadyQueue:
    """Events without delays, taken in order and in batches."""

    def __init__(self, clock: Clock, events: int, batch_size: int = 1) -> None:
        self._clock = clock
        self._numbers = iter(range(events))
        self._at_once = batch_size

    def take(self) -> list[int]:
        """Return the numbers of the next events, or nothing if none is left."""
        self._clock.sleep(DISPATCH_SECONDS)
        return list(islice(self._numbers, self._at_once))
