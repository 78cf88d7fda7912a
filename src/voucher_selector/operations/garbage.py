"""Garbage: results of interrupted commits that no source refers to."""

from collections.abc import Iterator
from itertools import groupby

from ingest.storage.partition_names import TABLE, source_prefix
from ingest.storage.results_bucket import parse_result_key
from voucher_selector.stack import Deployed

FOLDERS = ("contributions/", "rejected/")


def delete_garbage(stack: Deployed, prefix: str) -> int:
    """Delete the garbage of the sources under a prefix; return how many results it were."""
    found = list(find_garbage(stack, prefix))
    stack.results_bucket().delete(found)
    return len(found)


def find_garbage(stack: Deployed, prefix: str) -> Iterator[str]:
    """Yield the names of results, objects and folders, that no source refers to or ever will.

    The name of a result contains the revision that its commit gives the source. The commit succeeds only if
    the source is at the revision before. A result whose revision the source has reached is in use or garbage.
    A result with a later revision may belong to a commit in progress.
    """
    table, paginator = stack.sources_table(), stack.s3().get_paginator("list_objects_v2")
    prefixes = (*(folder + prefix for folder in FOLDERS), f"{TABLE}/{source_prefix(prefix)}")
    results = (
        result
        for prefix_ in prefixes
        for page in paginator.paginate(Bucket=stack.outputs["ResultsBucket"], Prefix=prefix_)
        for found in page.get("Contents", [])
        if (result := parse_result_key(found["Key"]))
    )
    for result, _ in groupby(results):
        source = table.load(result.source)
        # The Glue catalog may refer to orphans until its writers are done.
        needed = source.objects | (source.orphans if source.catalog_writers else frozenset())
        if result.revision <= source.revision and result.name not in needed:
            yield result.name
