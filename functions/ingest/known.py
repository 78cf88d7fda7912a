"""Finding each of many numbers among a few known ones, by a hash without collisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.buffers import picked

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_KNOWN = 256
"""Distinct numbers up to which finding each row's number among them pays."""

_SLOT_BITS = 12
_ATTEMPTS = 4_000


class KnownNumbers:
    """The distinct numbers (float64) that a column has held so far, in order of appearance."""

    def __init__(self) -> None:
        self.numbers: NDArray[np.float64] = np.empty(0)
        self._given_up = False
        self._multiplier = np.uint32(0x9E3779B1)
        self._slots: NDArray[np.uint8] = np.zeros(1 << _SLOT_BITS, np.uint8)

    def rows(self, numbers: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
        """Return the index in ``self.numbers`` of each of ``numbers``, learning new ones.

        Of numbers that are not ``there`` it is anything. None where there are more distinct numbers than are
        worth knowing, or some that are too close to each other to be told apart quickly; so it stays then.
        """
        if self._given_up:
            return None
        rows = self._looked_up(numbers)
        strange = self._differ(numbers, rows)
        strange &= there
        if not strange.any():
            return rows
        self._given_up = not self._learn(np.unique(numbers[strange]))
        return None if self._given_up else self._looked_up(numbers)

    def _differ(self, numbers: NDArray[np.float64], rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
        if not len(self.numbers):
            return np.ones(len(numbers), np.bool_)
        differ: NDArray[np.bool_] = picked(self.numbers, rows) != numbers
        return differ

    def _looked_up(self, numbers: NDArray[np.float64]) -> NDArray[np.uint8]:
        return picked(self._slots, self._slots_of(numbers))

    def _slots_of(self, numbers: NDArray[np.float64]) -> NDArray[np.uint32]:
        with np.errstate(over="ignore"):
            short = numbers.astype(np.float32)
        short += np.float32(0)  # -0.0 is 0.0
        slots = short.view(np.uint32)
        slots *= self._multiplier
        slots >>= np.uint32(32 - _SLOT_BITS)
        return slots

    def _learn(self, new: NDArray[np.float64]) -> bool:
        """Add numbers and find a multiplier that keeps all apart; False where that is not to be had."""
        if len(self.numbers) + len(new) > MOST_KNOWN:
            return False
        self.numbers = np.concatenate([self.numbers, new])
        multipliers = np.random.default_rng(seed=1)
        for _ in range(_ATTEMPTS):
            slots = self._slots_of(self.numbers)
            if len(np.unique(slots)) == len(slots):
                self._slots[slots] = np.arange(len(slots))
                return True
            self._multiplier = multipliers.integers(1, 2**31, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
        return False
