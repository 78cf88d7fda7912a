"""The Glue catalogue: which folder of segmented rows each partition, a country of a source, is read from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypedDict

from botocore.exceptions import ClientError

from ingest.retry import backoff
from ingest.row_outputs.segmented_rows import athena_types
from ingest.storage.partition_names import COUNTRY, SOURCE, TABLE, decoded, source_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_glue import GlueClient

    from ingest.storage.results_bucket import ResultsBucket
    from vouchers.segments import Definitions

    Locations = Mapping[str, str]
    """The URL of the folder that each country of a source is read from, by its partition."""

BATCH = 100
"""Partitions that one call creates or updates."""

BUSY = {
    "ConcurrentModificationException",
    "InternalServiceException",
    "OperationTimeoutException",
    "ThrottlingException",
}
MEANWHILE = {"AlreadyExistsException", "EntityNotFoundException"}
"""What a batch says of partitions that another process has created or deleted since they were looked at."""

ABSENT = "EntityNotFoundException"


class GlueCatalogError(Exception):
    """Glue refused to change a partition; the message says which and why."""


class _ConflictError(Exception):
    """Partitions changed while they were being changed."""


class _Table(TypedDict):
    DatabaseName: str
    TableName: str


@dataclass(frozen=True, slots=True)
class GlueCatalog:
    """The table of the segmented rows in a Glue database.

    All methods raise botocore's errors when Glue or S3 refuses or cannot be reached.
    """

    client: GlueClient
    database: str
    results: ResultsBucket
    definitions: Definitions
    seconds_left: Callable[[], float]

    def is_right(self, source: str, folder: str | None) -> bool:
        """Say whether the countries of a source, by its key, are read from a folder, and from no other."""
        return self._held(source) == self._wanted(folder)

    def point(self, source: str, folder: str | None) -> None:
        """Let the countries of a source, by its key, be read from a folder; from none where that is None.

        Each country is in one folder at every moment. Doing it again does no harm.

        Raises:
            BusyError: if Glue was busy, or others changed the same, until the time was up.
            CatalogueError: if Glue refuses for another reason.
        """
        busy = "the Glue catalogue was busy for too long; the event will be tried again"
        for _ in backoff(self.seconds_left, busy):
            try:
                self._move(source_partition(source), self._held(source), self._wanted(folder))
            except _ConflictError:
                continue
            except ClientError as error:
                if error.response["Error"]["Code"] not in BUSY:
                    raise
            else:
                return

    def _wanted(self, folder: str | None) -> Locations:
        if folder is None:
            return {}
        names = (name.removeprefix(f"{COUNTRY}=") for name in self.results.folders(folder))
        return {decoded(name): f"s3://{self.results.bucket}/{folder}{COUNTRY}={name}/" for name in names}

    def _held(self, source: str) -> Locations:
        partition = source_partition(source)
        pages = self.client.get_paginator("get_partitions").paginate(
            **self._table, Expression=f"{SOURCE} = '{partition}'", ExcludeColumnSchema=True
        )
        try:
            found = [each for page in pages for each in page["Partitions"]]
        except ClientError as error:
            if error.response["Error"]["Code"] != ABSENT:
                raise
            return {}
        return {
            each["Values"][1]: each["StorageDescriptor"]["Location"]
            for each in found
            if each["Values"][0] == partition
        }

    def _move(self, source: str, held: Locations, wanted: Locations) -> None:
        new = {country: at for country, at in wanted.items() if country not in held}
        moved = {country: at for country, at in wanted.items() if country in held and held[country] != at}
        if moved or new:
            storage = self._storage()
            self._update(_partitions(source, moved, storage))
            self._create(_partitions(source, new, storage))
        for country in sorted(held.keys() - wanted.keys()):
            self._drop([source, country])

    def _update(self, partitions: Iterable[dict[str, Any]]) -> None:
        for batch in _batches(partitions):
            entries: Any = [{"PartitionValueList": each["Values"], "PartitionInput": each} for each in batch]
            answer = self.client.batch_update_partition(**self._table, Entries=entries)
            _check(answer.get("Errors", []))

    def _create(self, partitions: Iterable[dict[str, Any]]) -> None:
        for batch in _batches(partitions):
            inputs: Any = batch
            answer = self.client.batch_create_partition(**self._table, PartitionInputList=inputs)
            _check(answer.get("Errors", []))

    def _storage(self) -> dict[str, Any]:
        """Return how the table's data is stored; it is there then, with a column for each segment."""
        columns = athena_types(self.definitions)
        table = self._found() or self._made(columns)
        storage: dict[str, Any] = table["StorageDescriptor"]
        held = {each["Name"] for each in storage["Columns"]}
        new = [{"Name": name, "Type": kind} for name, kind in columns.items() if name not in held]
        if new:
            storage = {**storage, "Columns": [*storage["Columns"], *new]}
            self._widen(table, storage)
        return storage

    def _found(self) -> Any:  # noqa: ANN401 - as Glue describes a table
        try:
            return self.client.get_table(DatabaseName=self.database, Name=TABLE)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] != ABSENT:
                raise
            return None

    def _made(self, columns: Mapping[str, str]) -> Any:  # noqa: ANN401 - as Glue describes a table
        from ingest.row_outputs.awswrangler_dataset import describe

        describe(self.database, f"s3://{self.results.bucket}/{TABLE}/", columns)
        return self.client.get_table(DatabaseName=self.database, Name=TABLE)["Table"]

    def _widen(self, table: Mapping[str, Any], storage: Mapping[str, Any]) -> None:
        """Give the table other columns, unless it has changed since: Glue says then that it is busy."""
        kept = {name: table[name] for name in ("PartitionKeys", "TableType", "Parameters")}
        given: Any = {"Name": TABLE, **kept, "StorageDescriptor": storage}
        version: Any = {"VersionId": table["VersionId"]} if "VersionId" in table else {}
        self.client.update_table(DatabaseName=self.database, TableInput=given, SkipArchive=True, **version)

    def _drop(self, values: list[str]) -> None:
        # One by one: there are few, and not every emulator takes several.
        try:
            self.client.delete_partition(**self._table, PartitionValues=values)
        except ClientError as error:
            if error.response["Error"]["Code"] != ABSENT:
                raise

    @property
    def _table(self) -> _Table:
        return {"DatabaseName": self.database, "TableName": TABLE}


def _partitions(source: str, locations: Locations, storage: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for country, location in sorted(locations.items()):
        yield {"Values": [source, country], "StorageDescriptor": {**storage, "Location": location}}


def _batches(partitions: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(partitions)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _check(errors: Sequence[Any]) -> None:
    """Look at what a batch says of partitions that it did not change."""
    codes = {error["ErrorDetail"]["ErrorCode"] for error in errors}
    if codes - MEANWHILE - BUSY:
        raise GlueCatalogError(f"Glue refused to change partitions: {errors[0]}")
    if codes:
        raise _ConflictError
