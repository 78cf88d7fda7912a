"""The Glue table of the segmented rows: from which folder each partition, a country of a source, is read.

Glue has no conditional writes, so a process registers itself in the source item (``catalog_writers``) before
it changes partitions. If the source is unchanged afterwards, the process removes its entry, and otherwise it
changes the partitions again. A crashed writer's entry expires after 15 minutes. The next process that finds
an entry repairs the partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from ingest.retry import backoff, write
from ingest.row_outputs.segmented_rows import athena_types
from ingest.storage.partition_names import COUNTRY, SOURCE, TABLE, decoded, source_partition
from ingest.storage.results_bucket import ResultKeys, ResultsBucket
from vouchers.dynamodb.aws import RETRYABLE_CODES
from vouchers.dynamodb.sources_table import NEVER_WRITTEN, Source, SourcesTable
from vouchers.segments import Definitions
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import PartitionIndexTypeDef

    from ingest.row_outputs.segmented_writer import SegmentedWriter

    Locations = Mapping[str, str]
    """The URL of the folder of each country of a source, by the country's partition."""

BATCH = 100
"""Partitions that one call creates or updates."""

CHANGED_MEANWHILE = {"AlreadyExistsException", "EntityNotFoundException"}
"""Codes of a batch for partitions that another process has created or deleted since they were read."""

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
"""How Athena reads Parquet."""

INDEXES: list[PartitionIndexTypeDef] = [{"IndexName": name, "Keys": [name]} for name in (SOURCE, COUNTRY)]
"""Without an index Glue reads all partitions of the table, for each commit and each query of a country."""

MAX_PROCESS_LIFETIME = timedelta(seconds=900)
"""How long a registered process may run: Lambda's limit."""

BUSY = "the Glue catalog was busy for too long; the event will be tried again"


class GlueCatalogError(Exception):
    """Glue refused to change a partition; the message says which and why."""


@dataclass(frozen=True, slots=True)
class GlueCatalog:
    """The table of the segmented rows in a Glue database.

    All methods raise botocore's errors if AWS refuses or cannot be reached.

    Attributes:
        results: the bucket that the rows are in.
        definitions: the segments, which are columns of the table.
        sources: where catalog writers are registered.
        writer: the name of this process among them: its start (ISO 8601, UTC), a blank and a unique name.
        now: returns the time.
        seconds_left: returns how long a call may be repeated.
    """

    client: GlueClient
    database: str
    results: ResultsBucket
    definitions: Definitions
    sources: SourcesTable
    writer: str
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]

    def open_writer(self, keys: ResultKeys, as_of: int | None) -> SegmentedWriter:
        """Return a writer of segmented rows, to a new folder; ``as_of`` is what ``count_file`` takes."""
        from ingest.row_outputs.segmented_writer import SegmentedWriter

        return SegmentedWriter(self.results, f"{keys.rows}{uuid4().hex}/", self.definitions, as_of)

    def reconcile(self, source: Source, *, inspect: bool) -> Source:
        """Point the partitions of a source to its rows, if they may point elsewhere; delete its orphans.

        Args:
            source: without a pending commit.
            inspect: whether to compare the partitions even if no catalog writer is registered.

        Returns:
            The source as written.

        Raises:
            ConflictError: if the source has changed meanwhile.
            RetryTimeoutError: if AWS was busy until the time was up.
            GlueCatalogError: if Glue refuses to change a partition.
        """
        if not source.catalog_writers:
            written = source.revision != NEVER_WRITTEN
            if not (inspect and written) or self.points_to(source.key, source.rows_folder):
                return source
        if self.writer not in source.catalog_writers:
            write(lambda: self.sources.add_catalog_writer(source, self.writer), self.seconds_left, BUSY)
            writers = source.catalog_writers | {self.writer}
            source = replace(source, revision=source.revision + 1, catalog_writers=writers)
        self.point(source.key, source.rows_folder)
        self.results.delete(source.orphans)
        expired = iso(self.now() - MAX_PROCESS_LIFETIME)
        done = {writer for writer in source.catalog_writers if writer == self.writer or writer < expired}
        registered = source
        write(lambda: self.sources.remove_catalog_writers(registered, done), self.seconds_left, BUSY)
        writers = source.catalog_writers - done
        return replace(source, revision=source.revision + 1, orphans=frozenset(), catalog_writers=writers)

    def points_to(self, key: str, folder: str | None) -> bool:
        """Return whether the partitions of a source, by its key, are read from a folder and no other."""
        return self._current_locations(key) == self._target_locations(folder)

    def point(self, key: str, folder: str | None) -> None:
        """Make Athena read the partitions of a source, by its key, from a folder; None removes them.

        Each country is in one folder at every moment. Repeating it changes nothing.

        Raises:
            RetryTimeoutError: if Glue was busy, or others changed the same partitions, until the time was up.
            GlueCatalogError: if Glue refuses for another reason.
        """
        for _ in backoff(self.seconds_left, BUSY):
            try:
                if self._move(
                    source_partition(key), self._current_locations(key), self._target_locations(folder)
                ):
                    return
            except ClientError as error:
                if error.response["Error"]["Code"] not in RETRYABLE_CODES:
                    raise

    def _target_locations(self, folder: str | None) -> Locations:
        if folder is None:
            return {}
        names = (name.removeprefix(f"{COUNTRY}=") for name in self.results.list_folders(folder))
        return {decoded(name): f"s3://{self.results.bucket}/{folder}{COUNTRY}={name}/" for name in names}

    def _current_locations(self, key: str) -> Locations:
        partition = source_partition(key)
        pages = self.client.get_paginator("get_partitions").paginate(
            DatabaseName=self.database,
            TableName=TABLE,
            Expression=f"{SOURCE} = '{partition}'",
            ExcludeColumnSchema=True,
        )
        try:
            partitions = [found for page in pages for found in page["Partitions"]]
        except self.client.exceptions.EntityNotFoundException:
            return {}
        return {
            found["Values"][1]: found["StorageDescriptor"]["Location"]
            for found in partitions
            if found["Values"][0] == partition
        }

    def _move(self, source: str, current: Locations, target: Locations) -> bool:
        """Update, create and delete partitions; return whether all could be changed."""
        table: Any = {"DatabaseName": self.database, "TableName": TABLE}
        changed = sorted(name for name in target if current.get(name) != target[name])
        storage = self._load_table() if changed else {}
        inputs: dict[str, Any] = {
            name: {"Values": [source, name], "StorageDescriptor": {**storage, "Location": target[name]}}
            for name in changed
        }
        moved: Any = [
            {"PartitionValueList": input_["Values"], "PartitionInput": input_}
            for name, input_ in inputs.items()
            if name in current
        ]
        new = [input_ for name, input_ in inputs.items() if name not in current]
        errors: list[Any] = []
        for start in range(0, len(moved), BATCH):
            batch = moved[start : start + BATCH]
            errors += self.client.batch_update_partition(**table, Entries=batch).get("Errors", [])
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            errors += self.client.batch_create_partition(**table, PartitionInputList=batch).get("Errors", [])
        codes = {error["ErrorDetail"]["ErrorCode"] for error in errors}
        if codes - CHANGED_MEANWHILE - RETRYABLE_CODES:
            raise GlueCatalogError(f"Glue refused to change partitions: {errors[0]}")
        if codes:
            return False
        for country in sorted(current.keys() - target.keys()):
            # One call for each: there are few, and not every emulator deletes several at once.
            with suppress(self.client.exceptions.EntityNotFoundException):
                self.client.delete_partition(**table, PartitionValues=[source, country])
        return True

    def _create_table(self, columns: Mapping[str, str]) -> None:
        """Create the table, unless it exists; ``columns`` has the Athena type of each column, by name."""
        table: Any = {
            "Name": TABLE,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "partition_filtering.enabled": "true"},
            "PartitionKeys": [{"Name": name, "Type": "string"} for name in (SOURCE, COUNTRY)],
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": type_} for name, type_ in columns.items()],
                "Location": f"s3://{self.results.bucket}/{TABLE}/",
                **PARQUET,
            },
        }
        with suppress(self.client.exceptions.AlreadyExistsException):
            self.client.create_table(DatabaseName=self.database, TableInput=table, PartitionIndexes=INDEXES)

    def _load_table(self) -> dict[str, Any]:
        """Return how the table is stored; create it first, or add the columns of new segments."""
        columns, table = athena_types(self.definitions), None
        while table is None:
            try:
                table = self.client.get_table(DatabaseName=self.database, Name=TABLE)["Table"]
            except self.client.exceptions.EntityNotFoundException:
                self._create_table(columns)
        storage: Any = table["StorageDescriptor"]
        existing = {column["Name"] for column in storage["Columns"]}
        new = [{"Name": name, "Type": type_} for name, type_ in columns.items() if name not in existing]
        if new:
            storage = {**storage, "Columns": [*storage["Columns"], *new]}
            kept = {name: table[name] for name in ("PartitionKeys", "TableType", "Parameters")}
            changed: Any = {"Name": TABLE, **kept, "StorageDescriptor": storage}
            # With the version, Glue refuses as busy if the table has changed meanwhile.
            version: Any = {"VersionId": table["VersionId"]} if "VersionId" in table else {}
            self.client.update_table(
                DatabaseName=self.database, TableInput=changed, SkipArchive=True, **version
            )
        return dict(storage)
