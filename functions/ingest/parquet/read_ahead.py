"""A file that is far away, read ahead of its reader where it is known what will be read."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Fetch = Callable[[int, int], bytes]
    """Returns the bytes from a place in the file up to another."""

BLOCK = 2 << 20
"""Bytes that are fetched at a time: the way there and back is short beside what it brings."""

MAX_GAP = 1 << 18
"""Bytes that are sooner fetched unneeded than gone round."""

WINDOW = 16 << 20
"""Bytes that are held, or on their way, before they are read."""

THREADS = 4


class Span(NamedTuple):
    """Where some bytes begin and end in the file."""

    start: int
    end: int


class ReadAhead(io.RawIOBase):
    """A file as a seekable one; what is expected to be read is fetched beforehand, a few blocks at once.

    ``held`` are the blocks that are there or on their way, in the order in which they should be read.
    Reads raise what ``fetch`` raises. To be closed, which gives up what is on its way.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._pool = ThreadPoolExecutor(THREADS)
        self.held: dict[Span, Future[bytes]] = {}
        self._coming: Iterator[Span] = iter(())
        self._next: Span | None = None

    def expect(self, groups: Iterable[Sequence[Span]]) -> None:
        """Read ahead from now on: one group after the other, and the spans of a group side by side."""
        self._coming = _blocks(groups, self._size)
        self._next = next(self._coming, None)
        self._start()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position, in bytes from the start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, or all that are left."""
        return bytes(self.read_buffer(size))

    def read_buffer(self, size: int = -1) -> memoryview:
        """Return the next ``size`` bytes, or all that are left; without a copy where one block has them."""
        end = self._size if size < 0 else min(self._position + size, self._size)
        parts = []
        while self._position < end:
            parts.append(self._part(end))
            self._position += len(parts[-1])
        return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))

    def close(self) -> None:
        """Give up what is on its way."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.held.clear()
        super().close()

    def _part(self, end: int) -> memoryview:
        """Return bytes from the position on, at most up to ``end``."""
        block = self._held_here() or self._fetched_instead()
        if block is None:
            return memoryview(self._fetch(self._position, end))
        data = memoryview(self.held[block].result())[self._position - block.start : end - block.start]
        if end >= block.end:
            del self.held[block]
            self._start()
        return data

    def _held_here(self) -> Span | None:
        return next((block for block in self.held if block.start <= self._position < block.end), None)

    def _fetched_instead(self) -> Span | None:
        """Make room, since what is held is not what is read, and look again."""
        if self.held and self._next:
            del self.held[next(iter(self.held))]
            self._start()
        return self._held_here()

    def _start(self) -> None:
        """Fetch as many of the coming blocks as there is room for."""
        room = WINDOW - sum(block.end - block.start for block in self.held)
        while self._next and (room := room - (self._next.end - self._next.start)) >= 0:
            self.held[self._next] = self._pool.submit(self._fetch, *self._next)
            self._next = next(self._coming, None)


def _blocks(groups: Iterable[Sequence[Span]], size: int) -> Iterator[Span]:
    """Yield blocks in the order in which they are read, pieces that lie next to each other in one."""
    last: Span | None = None
    for start, end in _pieces(groups, size):
        if last and last.end <= start <= last.end + MAX_GAP and end - last.start <= BLOCK:
            last = Span(last.start, end)
            continue
        if last:
            yield last
        last = Span(start, end)
    if last:
        yield last


def _pieces(groups: Iterable[Sequence[Span]], size: int) -> Iterator[Span]:
    """Yield the spans of each group cut to blocks: first the first ones of all, as rows go through them."""
    for spans in groups:
        within = [Span(start, min(end, size)) for start, end in spans if start < min(end, size)]
        cut = [
            ((start - span.start) / (span.end - span.start), Span(start, min(start + BLOCK, span.end)))
            for span in within
            for start in range(span.start, span.end, BLOCK)
        ]
        yield from (piece for _, piece in sorted(cut))
