"""Finding each of many 64-bit values among a few known ones, by a hash without collisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_KNOWN = 256
"""Distinct values up to which finding each row's value among them pays."""

_SLOT_BITS = 12
_ATTEMPTS = 4_000


class KnownValues:
    """The distinct values that a column has held so far, as bit patterns (uint64), in order of appearance."""

    def __init__(self) -> None:
        self.values: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._multiplier = np.uint64(0x9E3779B97F4A7C15)
        self._slots: NDArray[np.intp] = np.zeros(1 << _SLOT_BITS, np.intp)

    def rows(self, values: NDArray[Any]) -> NDArray[np.intp] | None:
        """Return the index in ``self.values`` of each of ``values`` (64 bits each), learning new ones.

        None where there are more distinct values than are worth knowing.
        """
        bits = values.view(np.uint64)
        rows = self._look_up(bits)
        strange = self.values[rows] != bits if len(self.values) else np.ones(len(bits), np.bool_)
        if not strange.any():
            return rows
        return self._look_up(bits) if self._learn(np.unique(bits[strange])) else None

    def _look_up(self, bits: NDArray[np.uint64]) -> NDArray[np.intp]:
        return self._slots[self._slots_of(bits)]

    def _slots_of(self, bits: NDArray[np.uint64]) -> NDArray[np.intp]:
        return ((bits * self._multiplier) >> np.uint64(64 - _SLOT_BITS)).view(np.intp)

    def _learn(self, new: NDArray[np.uint64]) -> bool:
        """Add values and find a multiplier that keeps all apart; False where that is not to be had."""
        if len(self.values) + len(new) > MOST_KNOWN:
            return False
        self.values = np.concatenate([self.values, new])
        multipliers = np.random.default_rng(seed=1)
        for _ in range(_ATTEMPTS):
            slots = self._slots_of(self.values)
            if len(np.unique(slots)) == len(slots):
                self._slots[slots] = np.arange(len(slots))
                return True
            self._multiplier = multipliers.integers(1, 2**63, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        return False
