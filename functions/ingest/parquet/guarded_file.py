"""A file object that checks a Parquet file's page headers before Arrow uses them."""

import io
from collections.abc import Iterable
from io import RawIOBase
from typing import IO

from ingest.errors import FileError
from ingest.parquet.footer import Chunk
from ingest.parquet.page_limits import BATCH_ROWS, MAX_PAGE_BYTES, ColumnPages


class GuardedFile(io.RawIOBase):
    """A seekable Parquet file that rejects pages that would take too much memory.

    Reads raise ``FileError`` for these, and the errors of the source. Reads inside the chunks of ``pages``
    check the page headers.
    """

    def __init__(self, source: IO[bytes] | RawIOBase) -> None:
        super().__init__()
        self._source = source
        # Arrow's files and ReadAhead return buffers without a copy.
        self._read = getattr(source, "read_buffer", source.read)
        self.pages: list[ColumnPages] = []

    def watch(self, chunks: Iterable[Chunk]) -> None:
        """Check the pages of these column chunks from now on, and no others."""
        self.pages = [ColumnPages(chunk) for chunk in chunks]

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position, in bytes from the start."""
        return self._source.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        return self._source.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, or all that are left."""
        return bytes(self.read_buffer(size))

    def read_buffer(self, size: int) -> memoryview:
        """Return the next ``size`` bytes, or all that are left; Arrow calls this method."""
        at = self._source.tell()
        data = memoryview(self._read(size)).cast("B")
        for pages in self.pages:
            pages.read(at, data)
        if sum(pages.max_bytes for pages in self.pages) > MAX_PAGE_BYTES:
            raise FileError(
                f"its pages are too large: {BATCH_ROWS:,} rows of the needed columns lie in pages of more "
                f"than {MAX_PAGE_BYTES >> 20} MB; write it with smaller pages"
            )
        return data
