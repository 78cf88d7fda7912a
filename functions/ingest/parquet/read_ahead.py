"""Fetch the parts of a remote file that will be read, ahead of the reader."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Fetch = Callable[[int, int], bytes]
    """Returns the bytes of the file from a start to an end."""

BLOCK = 2 << 20
"""Bytes of one request: large enough that its latency is small beside the transfer."""

MAX_GAP = 1 << 18
"""Bytes. Gaps up to this size are fetched rather than split into another request."""

WINDOW = 16 << 20
"""Bytes that are fetched, or being fetched, before they are read."""

THREADS = 4


class Span(NamedTuple):
    """The start and the end of some bytes in the file."""

    start: int
    end: int


class ReadAhead(io.RawIOBase):
    """A remote file as a seekable file; expected reads are fetched in advance, several blocks at a time.

    ``blocks`` are those fetched or being fetched, in the order in which they are expected to be read. Reads
    raise what ``fetch`` raises. Closing it cancels pending requests.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._pool = ThreadPoolExecutor(THREADS)
        self.blocks: dict[Span, Future[bytes]] = {}
        self._upcoming: Iterator[Span] = iter(())
        self._next: Span | None = None

    def expect(self, groups: Iterable[Sequence[Span]]) -> None:
        """Expect reads of one group after the other, in which the spans of a group alternate."""
        self._upcoming = _blocks(groups, self._size)
        self._next = next(self._upcoming, None)
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
        """Return the next ``size`` bytes, or all that are left; without a copy if one block has them."""
        end = self._size if size < 0 else min(self._position + size, self._size)
        parts = []
        while self._position < end:
            parts.append(self._part(end))
            self._position += len(parts[-1])
        return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))

    def close(self) -> None:
        """Cancel pending requests."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.blocks.clear()
        super().close()

    def _part(self, end: int) -> memoryview:
        """Return bytes from the position on, at most up to ``end``."""
        block = self._find_block() or self._find_block_after_drop()
        if block is None:
            return memoryview(self._fetch(self._position, end))
        data = memoryview(self.blocks[block].result())[self._position - block.start : end - block.start]
        if end >= block.end:
            del self.blocks[block]
            self._start()
        return data

    def _find_block(self) -> Span | None:
        return next((block for block in self.blocks if block.start <= self._position < block.end), None)

    def _find_block_after_drop(self) -> Span | None:
        """Drop the first block, since the reader does not read what was expected, and look again."""
        if self.blocks and self._next:
            del self.blocks[next(iter(self.blocks))]
            self._start()
        return self._find_block()

    def _start(self) -> None:
        """Fetch as many of the next blocks as fit in the window."""
        room = WINDOW - sum(block.end - block.start for block in self.blocks)
        while self._next and (room := room - (self._next.end - self._next.start)) >= 0:
            self.blocks[self._next] = self._pool.submit(self._fetch, *self._next)
            self._next = next(self._upcoming, None)


def _blocks(groups: Iterable[Sequence[Span]], size: int) -> Iterator[Span]:
    """Yield blocks in the order of reading; neighbouring pieces are one block."""
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
    """Yield the spans of each group in pieces of a block, alternating between the spans as rows do."""
    for spans in groups:
        within = [Span(start, min(end, size)) for start, end in spans if start < min(end, size)]
        cut = [
            ((start - span.start) / (span.end - span.start), Span(start, min(start + BLOCK, span.end)))
            for span in within
            for start in range(span.start, span.end, BLOCK)
        ]
        yield from (piece for _, piece in sorted(cut))
