"""Find the files to evaluate, and count their uses."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from ingest.errors import FileError
from ingest.parquet.column_names import ColumnRule
from ingest.parquet.reader import Selection
from voucher_selector.dated_uses import UseCounter
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.upload import (
    AS_PARQUET,
    describe_failure,
    list_files,
    refuse_tables,
    require_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from io import RawIOBase

    from ingest.parquet.column_names import ColumnMapping
    from voucher_selector.dated_uses import DatedUses
    from vouchers.segments import Definitions


class UseFile(NamedTuple):
    """A file of uses: its name in messages, a function that opens it, and where its columns are."""

    name: str
    open: Callable[[], AbstractContextManager[IO[bytes] | RawIOBase]]
    rule: ColumnRule


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading bytes."""
    return path.open("rb")


def find_files(names: Iterable[str], mapping: ColumnMapping) -> Iterator[UseFile]:
    """Yield the given files, and all files in the given folders; folders ``name=value`` can be columns.

    Raises:
        CommandError: if there is no such file or folder, or it is a table of another format or a part of one.
    """
    for name in names:
        place = Path(name).expanduser()
        refuse_tables(name, "evaluated", AS_PARQUET)
        for path in list_files(place) if place.is_dir() else [require_file(name)]:
            yield UseFile(str(path), partial(open_binary, path), ColumnRule(mapping, path.as_posix()))


def read_uses(
    files: Iterable[UseFile], definitions: Definitions, until: datetime, as_of: datetime | None = None
) -> DatedUses:
    """Count the uses of files, as ``UseCounter`` does.

    Raises:
        CommandError: if a file cannot be counted.
    """
    counter = UseCounter(definitions, until, as_of)
    for file in files:
        try:
            with file.open() as source:
                counter.read(source, Selection(file.rule))
        except FileError as error:
            raise CommandError(describe_failure(file.name, "evaluated", error), Exit.NO) from None
    return counter.uses()
