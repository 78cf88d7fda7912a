"""Limit the memory for decoding the pages of column chunks, by the sizes in their headers."""

from collections import deque

from ingest.errors import FileError
from ingest.parquet.footer import Chunk
from ingest.parquet.page_headers import DATA, DATA_V2, DICTIONARY, REFERRING, PageHeader, read_header
from ingest.parquet.thrift import ThriftError

BATCH_ROWS = 1 << 16
"""Rows in a batch: few enough to keep its codes in the processor's cache."""

MAX_PAGE_BYTES = 256 << 20
"""Uncompressed bytes of the pages that contain a batch, over all needed columns."""

MAX_HEADER_BYTES = 1 << 20
"""Bytes; a header may contain the minimum and the maximum value."""

PADDING = 100
"""Bytes that Arrow may read after a column chunk, because old writers did not count a header."""

BROKEN_HEADER = "its data cannot be decoded: a page's header is broken"


class ColumnPages:
    """The pages of one column chunk, which Arrow reads from start to end.

    ``max_bytes`` is the largest size of one batch's pages until now, ``entries`` the number of values in the
    dictionary, and ``coded`` the row after the last page that refers to the dictionary.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.max_bytes = 0
        self.entries = 0
        self.coded = 0
        self._end = chunk.start + chunk.size + PADDING
        self._values = chunk.values
        self._next = chunk.start
        self._partial = b""
        self._row = 0
        self._dictionary = 0
        self._window: deque[tuple[int, int]] = deque()
        self._in_window = 0

    def read(self, at: int, data: bytes | memoryview) -> None:
        """Inspect bytes at a position in the file before Arrow reads them.

        Raises:
            FileError: if a page's header is broken.
        """
        if self._partial and at == self._next + len(self._partial):
            at, data = self._next, self._partial + data
        end = min(at + len(data), self._end)
        while at <= self._next < end and self._row < self._values:
            try:
                header = read_header(data, self._next - at)
            except IndexError:
                self._partial = bytes(data[self._next - at :])
                if len(self._partial) > MAX_HEADER_BYTES:
                    raise FileError(BROKEN_HEADER) from None
                return
            except ThriftError:
                raise FileError(BROKEN_HEADER) from None
            self._add(header)
            self._next = at + header.end + header.stored
            self._partial = b""

    def _add(self, header: PageHeader) -> None:
        """Add a page; the window keeps the pages that share a batch with its first row.

        Rows and values are the same here: the needed columns are flat.
        """
        if header.stored < 0:
            raise FileError(BROKEN_HEADER)
        size = max(header.stored, header.size)
        if header.kind == DICTIONARY:
            self._dictionary += size
            self.entries += max(header.values, 0)
        elif header.kind in {DATA, DATA_V2}:
            if header.values < 0 or self._row + header.values > self._values:
                raise FileError(BROKEN_HEADER)
            batch = self._row - self._row % BATCH_ROWS
            while self._window and self._window[0][0] <= batch:
                self._in_window -= self._window.popleft()[1]
            self._row += header.values
            self._window.append((self._row, size))
            self._in_window += size
            self.coded = self._row if header.encoding in REFERRING else self.coded
        self.max_bytes = max(self.max_bytes, self._dictionary + self._in_window)
