"""Trying again while others are in the way: pauses that are random and grow, until the time is up."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_PAUSE, MAX_PAUSE = 0.02, 4.0
"""Seconds between tries: at random below a bound that doubles.

A try in vain uses up what others could write with, so that many at once have to wait long.
"""


class RetryTimeoutError(Exception):
    """Others were in the way until the time was up."""


def backoff(seconds_left: Callable[[], float], busy: str) -> Iterator[None]:
    """Yield at once, and then again and again after a pause.

    Raises:
        BusyError: ``busy``, if the next pause would last longer than ``seconds_left``.
    """
    bound = FIRST_PAUSE
    while True:
        yield
        pause = random.uniform(0, bound)  # noqa: S311
        if pause >= seconds_left():
            raise RetryTimeoutError(busy)
        time.sleep(pause)
        bound = min(2 * bound, MAX_PAUSE)
