from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from moto import mock_aws

from ingest import handler
from tests.support.stack_harness import ACCOUNT, StackHarness
from voucher_selector.spark_job import clients
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Switch(Protocol):
    """Switches the segmented rows on or off."""

    def __call__(self, *, on: bool) -> None: ...


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Iterator[StackHarness]:
    """Buckets and tables in moto, and the ingest function's environment."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        handler.s3_client.cache_clear()
        handler.dynamodb_client.cache_clear()
        handler.glue_client.cache_clear()
        made = StackHarness().create()
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def keep_rows(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> Switch:
    """Return a function that switches segmented rows on and off, with and without their database."""

    def switch(*, on: bool) -> None:
        if on:
            harness.glue.create_database(DatabaseInput={"Name": harness.database})
        elif harness.keeps_rows:
            harness.glue.delete_database(Name=harness.database)
        harness.keeps_rows = on
        monkeypatch.setenv("ROWS_DATABASE", harness.environment["ROWS_DATABASE"])

    return switch


@pytest.fixture
def redefine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Return a function that replaces the segment definitions of the ingest function."""

    def use(text: str) -> None:
        file = tmp_path / "segments.toml"
        file.write_text(text)
        definitions = load_definitions(file)
        monkeypatch.setattr(handler, "load_definitions", lambda: definitions)

    return use


@pytest.fixture
def own_clients(harness: StackHarness) -> Iterator[None]:
    """Clients of the Spark job that are made in the test, and not kept after it."""
    assert harness
    for of in (clients.s3_client, clients.dynamodb_client):
        of.cache_clear()
    yield
    for of in (clients.s3_client, clients.dynamodb_client):
        of.cache_clear()
