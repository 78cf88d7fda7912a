"""Read a remote file ahead of its reader, where the order of the reads is known."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

Fetch = Callable[[int, int], bytes]
"""Returns the bytes between two positions in the file."""

BLOCK = 2 << 20
"""Bytes in a request; large enough to make its latency small beside the transfer."""

MAX_GAP = 1 << 18
"""Gaps up to this size are fetched rather than split into another request, in bytes."""

WINDOW = 16 << 20
"""Bytes of fetched and requested blocks, before they are read."""

THREADS = 4


class Span(NamedTuple):
    """The start and the end of some bytes in the file."""

    start: int
    end: int


class ReadAhead(io.RawIOBase):
    """A seekable file that fetches the expected blocks in advance, several at once.

    ``blocks`` are the fetched and requested blocks, in the expected order of the reads. Reads raise the
    errors of ``fetch``. Close the file to cancel its requests.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._pool = ThreadPoolExecutor(THREADS)
        self.blocks: dict[Span, Future[bytes]] = {}
        self._coming: Iterator[Span] = iter(())
        self._next: Span | None = None

    def expect(self, groups: Iterable[Sequence[Span]]) -> None:
        """Start to read ahead: one group after the other, and the spans of a group side by side."""
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
        """Return the next ``size`` bytes, or all that are left; without a copy if one block has them all."""
        end = self._size if size < 0 else min(self._position + size, self._size)
        parts = []
        while self._position < end:
            parts.append(self._read_part(end))
            self._position += len(parts[-1])
        return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))

    def close(self) -> None:
        """Cancel pending requests."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.blocks.clear()
        super().close()

    def _read_part(self, end: int) -> memoryview:
        """Return bytes from the position on, at most up to ``end``."""
        position = self._position
        block = next((block for block in self.blocks if block.start <= position < block.end), None)
        if block is None and self.blocks and self._next:
            # The reads are not the expected ones: replace the oldest block by the next one.
            del self.blocks[next(iter(self.blocks))]
            self._start()
            block = next((block for block in self.blocks if block.start <= position < block.end), None)
        if block is None:
            return memoryview(self._fetch(position, end))
        data = memoryview(self.blocks[block].result())[position - block.start : end - block.start]
        if end >= block.end:
            del self.blocks[block]
            self._start()
        return data

    def _start(self) -> None:
        """Request the next blocks until the window is full."""
        room = WINDOW - sum(block.end - block.start for block in self.blocks)
        while self._next and (room := room - (self._next.end - self._next.start)) >= 0:
            self.blocks[self._next] = self._pool.submit(self._fetch, *self._next)
            self._next = next(self._coming, None)


def _blocks(groups: Iterable[Sequence[Span]], size: int) -> Iterator[Span]:
    """Yield the blocks in reading order: cut the spans of a group to blocks, and join close neighbors.

    Rows use all spans of a group at the same pace: blocks are sorted by their relative position in a span.
    """
    last: Span | None = None
    for spans in groups:
        within = [Span(start, min(end, size)) for start, end in spans if start < min(end, size)]
        pieces = [
            ((start - span.start) / (span.end - span.start), Span(start, min(start + BLOCK, span.end)))
            for span in within
            for start in range(span.start, span.end, BLOCK)
        ]
        for _, (start, end) in sorted(pieces):
            if last and last.end <= start <= last.end + MAX_GAP and end - last.start <= BLOCK:
                last = Span(last.start, end)
                continue
            if last:
                yield last
            last = Span(start, end)
    if last:
        yield last
