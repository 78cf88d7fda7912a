"""Codes of numbers of which a column holds few different ones: by comparing every row with each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOST_KNOWN = 16
"""Distinct numbers up to which comparing is quicker than a dictionary."""


class KnownNumbers:
    """The distinct numbers (float64) that a column has held so far, and their codes."""

    def __init__(self, code: Callable[[float], int]) -> None:
        """Let ``code`` give a number its code, from 1 to 255."""
        self._code = code
        self._codes: dict[float, int] | None = {}

    def codes(self, numbers: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
        """Return the code of each of ``numbers``, learning new ones; where one is not ``there``, it is any.

        None where there are more distinct numbers than are worth knowing; so it stays then.
        """
        if self._codes is None:
            return None
        found = _compared(numbers, self._codes)
        strange = (found == 0) & there
        if not strange.any():
            return found
        new = np.unique(numbers[strange]).tolist()
        if len(self._codes) + len(new) > MOST_KNOWN:
            self._codes = None
            return None
        self._codes |= {number: self._code(number) for number in new}
        return _compared(numbers, self._codes)


def _compared(numbers: NDArray[np.float64], codes: dict[float, int]) -> NDArray[np.uint8]:
    found, equal = np.zeros(len(numbers), np.uint8), np.empty(len(numbers), np.bool_)
    for number, code in codes.items():
        found += np.equal(numbers, number, out=equal).view(np.uint8) * np.uint8(code)
    return found
