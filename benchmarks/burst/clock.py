"""Simulated time: real code in threads of which one runs at a time, and sleeping takes no time."""

from __future__ import annotations

import heapq
import itertools
import random
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Clock:
    """Stands in for the modules ``time`` and ``random``.

    Whoever sleeps lets the one go on whose sleep ends first. A run is the same each time.

    Attributes:
        now: seconds since the start.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._asleep: list[tuple[float, int, Lock]] = []
        self._order = itertools.count()
        self._random = random.Random(1)  # noqa: S311 - how long something takes is no secret

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self.now

    def uniform(self, low: float, high: float) -> float:
        """Return a number between two."""
        return self._random.uniform(low, high)

    def sleep(self, seconds: float) -> None:
        """Let that much time pass, and others work meanwhile."""
        woken = self._lie_down(self.now + seconds)
        self._wake_next()
        woken.acquire()

    def about(self, seconds: float) -> None:
        """Let a time pass that is at random up to half as long again, or as short."""
        self.sleep(seconds * self.uniform(0.5, 1.5))

    def run(self, works: Iterable[Callable[[], None]]) -> None:
        """Let all of ``works`` work at once until the last has ended; raise what one of them raises."""
        over = Lock()
        over.acquire()
        errors: list[BaseException] = []
        for work in works:
            woken = self._lie_down(self.now)
            Thread(target=self._work, args=(work, woken, over, errors), daemon=True).start()
        self._wake_next()
        over.acquire()
        if errors:
            raise errors[0]

    def _work(self, work: Callable[[], None], woken: Lock, over: Lock, errors: list[BaseException]) -> None:
        woken.acquire()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            errors.append(error)
        if errors or not self._asleep:
            over.release()
        else:
            self._wake_next()

    def _lie_down(self, until: float) -> Lock:
        woken = Lock()
        woken.acquire()
        heapq.heappush(self._asleep, (until, next(self._order), woken))
        return woken

    def _wake_next(self) -> None:
        self.now, _, woken = heapq.heappop(self._asleep)
        woken.release()
