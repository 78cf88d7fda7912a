"""Crashes at a call to AWS: before the request, or after the response."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Crash(BaseException):
    """The process crashed."""


class Calls:
    """Counts calls, and crashes at the call ``at``."""

    def __init__(
        self,
        at: int | None = None,
        *,
        answered: bool = False,
        watch: Callable[[], None] | None = None,
        after: str | None = None,
    ) -> None:
        self.made: list[str] = []
        self._at = at
        self._answered = answered
        self._watch = watch
        self._after = after
        self._lock = threading.Lock()

    def call(self, send: Callable[[], Any], name: str) -> Any:
        with self._lock:
            number = len(self.made)
            self.made.append(name)
        if number == self._at and not self._answered:
            raise Crash(f"before call {number}, {name}")
        try:
            return send()
        finally:  # An error is an answer too.
            if self._watch:
                self._watch()
            if number == self._at or name == self._after:
                raise Crash(f"after call {number}, {name}")


@contextmanager
def calls(
    at: int | None = None,
    *,
    answered: bool = False,
    watch: Callable[[], None] | None = None,
    after: str | None = None,
) -> Iterator[Calls]:
    """Record the calls to AWS in a block; crash at one of them, or call ``watch`` after each.

    ``after`` names the call after which to crash, instead of its number.
    """
    counted = Calls(at, answered=answered, watch=watch, after=after)
    real = vars(BaseClient)["_make_api_call"]  # the one place that every call passes

    def counting(self: Any, name: str, arguments: Any) -> Any:
        if threading.current_thread() in _WATCHING:
            return real(self, name, arguments)
        return counted.call(lambda: real(self, name, arguments), name)

    with patch.object(BaseClient, "_make_api_call", counting):
        yield counted


_WATCHING: set[threading.Thread] = set()


@contextmanager
def uncounted() -> Iterator[None]:
    """Make uncounted calls in a block, which belong to the test."""
    thread = threading.current_thread()
    _WATCHING.add(thread)
    try:
        yield
    finally:
        _WATCHING.discard(thread)
