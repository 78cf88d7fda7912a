"""How events wait for their turn: with Lambda, whose retries back off, or in a queue that is read."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.burst.clock import Clock

FIRST_RETRY, MAX_RETRY = 1.0, 300.0
"""Seconds until a throttled event is tried again: twice as many each time, as AWS says."""

DISPATCH_SECONDS = 0.01


class Throttled:
    """Events of an asynchronous function of which only so many may run at once.

    One that comes when all are busy is throttled and comes back later.

    Attributes:
        ages: how old each event was, in seconds, when it was handed out.
        tries: how often one was throttled.
    """

    def __init__(self, clock: Clock, arrivals: Iterable[float]) -> None:
        self._clock = clock
        self._coming = [(at, number, at, FIRST_RETRY) for number, at in enumerate(arrivals)]
        heapq.heapify(self._coming)
        self.ages: list[float] = []
        self.tries = 0

    def take(self) -> list[int]:
        """Wait for an event and return its number; nothing where none is left."""
        self._throttle_what_came_meanwhile()
        if not self._coming:
            return []
        at, number, arrived, _ = heapq.heappop(self._coming)
        self._clock.sleep(at - self._clock.now + DISPATCH_SECONDS)
        self.ages.append(self._clock.now - arrived)
        return [number]

    def _throttle_what_came_meanwhile(self) -> None:
        while self._coming and self._coming[0][0] < self._clock.now:
            at, number, arrived, pause = self._coming[0]
            self.tries += 1
            again = at + pause * self._clock.uniform(0.5, 1)
            heapq.heapreplace(self._coming, (again, number, arrived, min(2 * pause, MAX_RETRY)))


class Ready:
    """Events that are all there, and handed out in order, some at a time."""

    def __init__(self, clock: Clock, events: int, at_once: int = 1) -> None:
        self._clock = clock
        self._numbers = iter(range(events))
        self._at_once = at_once

    def take(self) -> list[int]:
        """Return the next events' numbers; nothing where none is left."""
        self._clock.sleep(DISPATCH_SECONDS)
        return list(islice(self._numbers, self._at_once))
