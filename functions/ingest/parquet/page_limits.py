"""Add up the memory that decoding the pages of column chunks will need, from their headers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ingest.errors import FileError
from ingest.parquet.page_headers import DATA, DATA_V2, DICTIONARY, REFERRING, read_header
from ingest.parquet.thrift import ThriftError

if TYPE_CHECKING:
    from ingest.parquet.footer import Chunk
    from ingest.parquet.page_headers import PageHeader

BATCH_ROWS = 1 << 16
"""Rows of a batch: few enough that its codes stay in the processor's cache."""

MAX_PAGE_BYTES = 256 << 20
"""Uncompressed bytes of the pages of a batch, over all needed columns."""

MAX_HEADER_BYTES = 1 << 20
"""Bytes of a page header, which may contain values as statistics."""

PADDING = 100
"""Bytes that Arrow reads after a column chunk, since old writers did not count a header."""


class ColumnPages:
    """Follows the page headers of one column chunk while Arrow reads it from start to end.

    Attributes:
        peak_bytes: the most uncompressed bytes that the pages of a batch have had.
        entries: the number of values in the dictionary.
        coded: the row up to which pages refer to the dictionary.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.peak_bytes = 0
        self.entries = 0
        self.coded = 0
        self._end = chunk.start + chunk.size + PADDING
        self._values = chunk.values
        self._next = chunk.start
        self._begun = b""
        self._row = 0
        self._dictionary = 0
        self._window: deque[tuple[int, int]] = deque()
        self._in_window = 0

    def read(self, at: int, data: bytes | memoryview) -> None:
        """Read the page headers in bytes that Arrow is about to read at a position in the file.

        Raises:
            FileError: if a page's header is broken.
        """
        if self._begun and at == self._next + len(self._begun):
            at, data = self._next, self._begun + data
        end = min(at + len(data), self._end)
        while at <= self._next < end and self._row < self._values:
            try:
                header = read_header(data, self._next - at)
            except IndexError:
                self._begun = bytes(data[self._next - at :])
                if len(self._begun) > MAX_HEADER_BYTES:
                    raise _broken() from None
                return
            except ThriftError:
                raise _broken() from None
            self._add(header)
            self._next = at + header.end + header.stored
            self._begun = b""

    def _add(self, header: PageHeader) -> None:
        if header.stored < 0:
            raise _broken()
        size = max(header.stored, header.size)
        if header.kind == DICTIONARY:
            self._dictionary += size
            self.entries += max(header.values, 0)
        elif header.kind in {DATA, DATA_V2}:
            self._add_data(size, header.values)
            self.coded = self._row if header.encoding in REFERRING else self.coded
        self.peak_bytes = max(self.peak_bytes, self._dictionary + self._in_window)

    def _add_data(self, size: int, values: int) -> None:
        """Keep the pages in the window that share a batch with the first row of this page.

        The columns are flat, so each row has one value.
        """
        if values < 0 or self._row + values > self._values:
            raise _broken()
        batch = self._row - self._row % BATCH_ROWS
        while self._window and self._window[0][0] <= batch:
            self._in_window -= self._window.popleft()[1]
        self._row += values
        self._window.append((self._row, size))
        self._in_window += size


def check_page_bytes(chunks: list[ColumnPages]) -> None:
    """Check the memory that the pages of all needed columns need together.

    Raises:
        FileError: if they take more.
    """
    if sum(chunk.peak_bytes for chunk in chunks) > MAX_PAGE_BYTES:
        raise FileError(
            f"its pages are too large: {BATCH_ROWS:,} rows of the needed columns lie in pages of more than "
            f"{MAX_PAGE_BYTES >> 20} MB; write it with smaller pages"
        )


def _broken() -> FileError:
    return FileError("its data cannot be decoded: a page's header is broken")
