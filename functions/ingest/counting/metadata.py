"""The metadata of an object that say how it is counted."""

from collections.abc import Mapping
from datetime import datetime

from ingest.counting.as_of import AsOf
from ingest.errors import FileError
from ingest.parquet.column_names import ColumnMapping

AS_OF_METADATA, COLUMNS_METADATA = "as-of", "columns"


def read_metadata(
    metadata: Mapping[str, str], as_of: AsOf, columns: ColumnMapping, now: datetime
) -> tuple[AsOf, ColumnMapping]:
    """Return the as-of rule of an object, and the names of its columns.

    Args:
        metadata: of the object.
        as_of: the rule if the object has none.
        columns: the names of the columns that the object does not map.
        now: an as-of date must not be later.

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
        raise FileError(message, "upload the file again with such a value") from None
    return rule, mapping
