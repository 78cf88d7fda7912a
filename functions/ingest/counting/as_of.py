"""The as-of date, the moment to which recency is measured, and the metadata of an object that name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingest.errors import FileError
from ingest.parquet.column_names import ColumnMapping
from vouchers.text import truncate
from vouchers.timestamps import iso, parse_timestamp

ROW, UPLOAD = "row", "upload"
AS_OF_METADATA, COLUMNS_METADATA = "as-of", "columns"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AsOf:
    """A rule for the as-of date.

    Attributes:
        rule: ``upload`` for the time of the upload, ``row`` for the ``timestamp`` of each row, ``date`` for
            ``moment``.
        moment: the as-of date of the rule ``date``; otherwise None.
    """

    rule: str
    moment: datetime | None = None

    @classmethod
    def parse(cls, text: str, now: datetime | None = None) -> AsOf:
        """Read ``upload``, ``row``, or a date or time as ``vouchers.timestamps`` defines them.

        Raises:
            ValueError: if the text is none of these, or a moment later than ``now``; the message quotes it
                and names what is accepted.
        """
        rule = text.strip().lower()
        if rule in {ROW, UPLOAD}:
            return cls(rule)
        accepted = "use a date such as 2018-08-05, 'row' or 'upload'"
        try:
            moment = parse_timestamp(text)
        except ValueError:
            raise ValueError(f"'{truncate(text)}' is not an as-of date; {accepted}") from None
        if now and moment > now:
            raise ValueError(f"'{truncate(text)}' is in the future (UTC); {accepted}")
        return cls("date", moment)

    def __str__(self) -> str:
        """Return the text that ``parse`` reads."""
        return iso(self.moment).removesuffix("T00:00:00.000000Z") if self.moment else self.rule

    def at(self, uploaded: datetime) -> datetime | None:
        """Return the as-of date of an object uploaded at ``uploaded``; None if each row has its own."""
        return uploaded if self.rule == UPLOAD else self.moment


def microseconds(moment: datetime | None) -> int | None:
    """Return a moment as microseconds since 1970 (UTC), and None as None."""
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


def recorded(moment: datetime | None) -> str:
    """Return an as-of date as sources record it: ISO 8601 in UTC, or ``row`` for None."""
    return ROW if moment is None else iso(moment)


def read_metadata(
    metadata: Mapping[str, str], as_of: AsOf, columns: ColumnMapping, now: datetime
) -> tuple[AsOf, ColumnMapping]:
    """Return the as-of rule of an object, and the names of its columns.

    Args:
        metadata: of the object.
        as_of: the rule if the object has none.
        columns: the names of the columns that the object does not map.
        now: the latest as-of date that is valid.

    Raises:
        FileError: if a value is invalid.
    """
    name = AS_OF_METADATA
    try:
        rule = AsOf.parse(metadata[name], now) if name in metadata else as_of
        name = COLUMNS_METADATA
        mapping = ColumnMapping.parse(metadata.get(name, "")).with_defaults(columns)
    except ValueError as error:
        message = f"in its metadata x-amz-meta-{name}, {error}"
        raise FileError(message, "upload the file again with a valid value") from None
    return rule, mapping
