"""Simulated time: threads run one at a time, and sleeping takes no real time."""

from __future__ import annotations

import heapq
import itertools
import random
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Clock:
    """Replaces the modules ``time`` and ``random``.

    A thread that sleeps resumes the thread whose sleep ends first. Every run is the same.

    Attributes:
        now: seconds since the start.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._asleep: list[tuple[float, int, Lock]] = []
        self._order = itertools.count()
        self._random = random.Random(1)  # noqa: S311 - durations are not secret

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self.now

    def uniform(self, low: float, high: float) -> float:
        """Return a random number in a range."""
        return self._random.uniform(low, high)

    def sleep(self, seconds: float) -> None:
        """Sleep while other threads run."""
        woken = self._add_sleeper(self.now + seconds)
        self._wake_next()
        woken.acquire()

    def sleep_about(self, seconds: float) -> None:
        """Sleep for a random time from half to one and a half of ``seconds``."""
        self.sleep(seconds * self.uniform(0.5, 1.5))

    def run(self, works: Iterable[Callable[[], None]]) -> None:
        """Run all of ``works`` concurrently until the last ends; raise the error of any of them."""
        over = Lock()
        over.acquire()
        errors: list[BaseException] = []
        for work in works:
            woken = self._add_sleeper(self.now)
            Thread(target=self._work, args=(work, woken, over, errors), daemon=True).start()
        self._wake_next()
        over.acquire()
        if errors:
            raise errors[0]

    def _work(self, work: Callable[[], None], woken: Lock, over: Lock, errors: list[BaseException]) -> None:
        woken.acquire()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            errors.append(error)
        if errors or not self._asleep:
            over.release()
        else:
            self._wake_next()

    def _add_sleeper(self, until: float) -> Lock:
        woken = Lock()
        woken.acquire()
        heapq.heappush(self._asleep, (until, next(self._order), woken))
        return woken

    def _wake_next(self) -> None:
        self.now, _, woken = heapq.heappop(self._asleep)
        woken.release()
