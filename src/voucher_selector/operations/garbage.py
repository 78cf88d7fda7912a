"""Objects in the results bucket that nothing refers to, left behind by commits that were cut off."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ingest.storage.partition_names import TABLE, source_prefix
from ingest.storage.results_bucket import ResultsBucket, parse_result_key
from vouchers.dynamodb.sources_table import SourcesTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import Source

FOLDERS = ("contributions/", "rejected/")


def sweep(stack: Deployed, prefix: str) -> int:
    """Delete the garbage of the sources under a prefix; return how much of it there was."""
    found = list(garbage(stack, prefix))
    ResultsBucket(stack.s3(), stack.outputs["ResultsBucket"]).delete(found)
    return len(found)


def garbage(stack: Deployed, prefix: str) -> Iterator[str]:
    """Yield the names of results, objects and folders, that no source refers to nor ever will.

    A result is named by the revision to which the commit that it was stored for leads its source, and that
    commit holds only if the source is still at the revision before. Once the source has come to the named
    revision, that commit has either been carried out, and the source says so, or never will be. Of an object
    with a higher number nothing is certain: it may have been stored a moment ago, for a commit to come.
    """
    table = SourcesTable(stack.dynamodb(), stack.outputs["SourcesTable"])
    named = (parse_result_key(key) for key in _keys(stack, prefix))
    for result, _ in groupby(each for each in named if each):
        source = table.load(result.source)
        if result.revision <= source.revision and result.name not in _needed(source):
            yield result.name


def _needed(source: Source) -> set[str]:
    """Return what a source refers to, and what the catalogue may refer to until it has followed."""
    return source.objects | (source.orphans if source.catalog_writers else frozenset())


def _keys(stack: Deployed, prefix: str) -> Iterator[str]:
    paginator, bucket = stack.s3().get_paginator("list_objects_v2"), stack.outputs["ResultsBucket"]
    for under in (*(folder + prefix for folder in FOLDERS), f"{TABLE}/{source_prefix(prefix)}"):
        for page in paginator.paginate(Bucket=bucket, Prefix=under):
            yield from (found["Key"] for found in page.get("Contents", []))
