from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.storage.partition_names import (
    MAX_COUNTRY_BYTES,
    MAX_SOURCE_BYTES,
    country_partition,
    decoded,
    encoded,
    source_partition,
    source_prefix,
)
from ingest.storage.results_bucket import ResultKeys, parse_result_key
from vouchers.dynamodb.sources_table import Source

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
PARTS = st.lists(
    TEXTS | st.sampled_from(["", ".", "..", "a=b", "%2F", "'", "x.parquet"]), min_size=1, max_size=6
)
KEYS = PARTS.map(lambda parts: "vouchers/" + "/".join(parts))
MAX_KEY_BYTES = 1024
"""Bytes, of S3's keys."""


@given(key=KEYS)
def test_a_source_is_known_by_its_partition_unless_that_is_a_digest(key: str) -> None:
    partition = source_partition(key)
    assert decoded(partition) == key or len(partition) == 64


@given(key=KEYS)
def test_a_partition_of_a_source_is_a_plain_path_and_sql_literal(key: str) -> None:
    partition = source_partition(key)
    assert partition.isascii()
    assert not set(partition) & set("'\"\\ *?[]{}#+&\n")
    assert not {"", ".", ".."} & set(partition.split("/"))
    assert len(partition) <= MAX_SOURCE_BYTES


@given(key=KEYS, end=TEXTS)
def test_the_partitions_under_a_prefix_begin_alike(key: str, end: str) -> None:
    partition = source_partition(f"{key}/{end}")
    assert len(partition) == 64 or partition.startswith(source_prefix(f"{key}/"))


@given(keys=st.tuples(KEYS, KEYS))
def test_two_sources_have_two_partitions(keys: tuple[str, str]) -> None:
    one, other = keys
    assert (source_partition(one) == source_partition(other)) == (one == other)


@given(country=TEXTS)
def test_a_country_is_one_folder_that_says_which(country: str) -> None:
    partition = country_partition(country)
    folder = encoded(partition)
    assert decoded(folder) == partition
    assert "/" not in folder
    assert len(folder) <= MAX_COUNTRY_BYTES
    assert partition.isprintable()


@given(key=KEYS, revision=st.integers(0, 10**6))
def test_a_folder_of_rows_tells_whose_it_is(key: str, revision: int) -> None:
    folder = f"{ResultKeys.of(Source(key, revision)).rows}{'0' * 32}/"
    file = f"{folder}country={'x' * MAX_COUNTRY_BYTES}/{'0' * 32}.zstd.parquet"
    found = parse_result_key(file)
    assert found is not None
    assert (found.name, found.revision) == (folder, revision + 1)
    assert found.source == decoded(source_partition(key))
    assert len(file) <= MAX_KEY_BYTES
