"""The figures in the documents are those of the code and of the template."""

from __future__ import annotations

import pytest

from api import statistics
from api.cached_table import MAX_ENTRIES
from api.http import fields
from api.routes import selections
from ingest.commit import chunks, committer
from ingest.counting import dimensions, report
from ingest.parquet import footer, page_limits, reader
from ingest.row_outputs import segmented_writer
from ingest.storage import partition_names, results_bucket
from tests.simulation.mutants import MUTANTS
from tests.simulation.test_mutants import MAX_SCHEDULES
from tests.support.documents import text
from tests.support.sam_template import transformed
from voucher_selector.local_stack.deploy import TEMPLATE
from voucher_selector.sample_data import facts
from voucher_selector.spark_job import listing
from vouchers.text import MAX_NAMED

KB, MB, DAY = 1 << 10, 1 << 20, 86_400
API = "docs/reference/api.md"
CONTRACT = "docs/reference/data-contract.md"
CONSISTENCY = "docs/explanation/consistency.md"
SCALE = "docs/explanation/scale.md"
ROWS = "docs/how-to/query-segmented-rows.md"
MONITORING = TEMPLATE.parent / "infra" / "monitoring.yaml"
THRESHOLDS = {"EventsWaiting": 1_800_000, "ApiSlow": 1_000}
"""Thresholds in milliseconds that the document gives in words."""
WORDS = {5: "five"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (CONTRACT, f"| {dimensions.MAX_COUNTRIES:,}; {dimensions.MAX_AMOUNTS:,} |"),
        (CONTRACT, f"more than {dimensions.MAX_COUNTRY_BYTES:,} bytes"),
        (CONTRACT, f"| counts that a file leads to (country, range and amount) | {report.MAX_COUNTERS:,} |"),
        (CONTRACT, f"| rows | {footer.MAX_ROWS:,} |"),
        (CONTRACT, f"| footer of the file | {footer.MAX_FOOTER_BYTES // MB} MB |"),
        (
            CONTRACT,
            f"{page_limits.BATCH_ROWS:,} rows, uncompressed | {page_limits.MAX_PAGE_BYTES // MB} MB |",
        ),
        (
            CONTRACT,
            f"| distinct texts in {page_limits.BATCH_ROWS:,} rows | {reader.MAX_TEXT_BYTES // MB} MB |",
        ),
        (API, f"1 to {selections.MAX_CUSTOMERS} objects"),
        (API, f"the body can have up to {selections.MAX_BODY // KB} KB"),
        (API, f"(up to {fields.MAX_BODY // KB} KB)"),
        (API, f"lists its {statistics.MAX_AMOUNTS} most used amounts"),
        (API, f"the {statistics.MAX_AMOUNTS} lowest at most"),
        (API, f"caches up to {MAX_ENTRIES:,} reads"),
        (CONSISTENCY, f"A contribution of up to {results_bucket.MAX_INLINE_BYTES:,} bytes"),
        (CONSISTENCY, f"({chunks.MAX_CELLS} updates with up to {chunks.MAX_COUNTERS} counters each)"),
        (CONSISTENCY, f"is kept for {committer.SECONDS_REMEMBERED // DAY} days"),
        ("docs/glossary.md", f"is remembered for {committer.SECONDS_REMEMBERED // DAY} days"),
        (ROWS, f"every {segmented_writer.ROWS_AT_A_TIME:,} rows"),
        (ROWS, f"longer than {partition_names.MAX_SOURCE_BYTES} bytes"),
        (ROWS, f"longer than {partition_names.MAX_COUNTRY_BYTES} bytes"),
        (CONSISTENCY, f"each of the {len(MUTANTS)} mutants"),
        (CONSISTENCY, f"within {MAX_SCHEDULES} random schedules"),
        (SCALE, f"in parts of about {listing.MAX_PIECE_BYTES // MB} MB"),
        (SCALE, f"| {listing.MAX_TASKS:,} |"),
        ("docs/how-to/count-a-history.md", f"names up to {WORDS[MAX_NAMED]} such objects"),
    ],
)
def test_a_limit_is_the_codes(document: str, sentence: str) -> None:
    assert sentence in _text(document)


def test_times_and_sizes_are_the_templates() -> None:
    stack = transformed(TEMPLATE)
    ingest = stack.properties("IngestFunction")
    (queue,) = stack.of_type("SQS::Queue").values()
    (rule,) = stack.properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
    minutes, days = ingest["Timeout"] // 60, rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
    kept = queue["MessageRetentionPeriod"] // DAY

    for document, sentence in (
        ("docs/how-to/count-a-history.md", f"has {minutes} minutes for each file"),
        ("docs/how-to/respond-to-alarms.md", f"of the {minutes} minutes that a function may run"),
        ("docs/how-to/respond-to-alarms.md", f"SQS keeps an event for {kept} days"),
        ("docs/how-to/verify-and-repair.md", f"for {kept} days at most"),
        ("docs/how-to/restore.md", f"deleted in the last {days} days"),
        ("docs/how-to/erase-customers.md", f"its old versions for {days} days more"),
        ("docs/how-to/erase-customers.md", f"expire after {days} days"),
        ("docs/how-to/erase-customers.md", f"keys of files, no rows | {kept} days"),
        (ROWS, f"The function has {ingest['MemorySize']:,} MB"),
    ):
        assert sentence in _text(document)


def test_the_sample_has_as_many_rows_as_the_quickstart_says() -> None:
    assert f"a sample file of {facts.ROWS:,} uses" in _text("docs/quickstart.md")


@pytest.mark.parametrize(
    ("alarm", "sentence"),
    [
        ("IngestSlow", "took more than {minutes:g} of the 15 minutes"),
        ("EventsWaiting", "waited for half an hour"),
        ("EventsExpiring", "in the failed-events queue for {days:g} days"),
        ("ApiFailing", "more than {percent:g} % of the requests"),
        ("ApiSlow", "took more than a second"),
    ],
)
def test_a_threshold_is_that_of_the_alarm(alarm: str, sentence: str) -> None:
    properties = transformed(MONITORING).properties(alarm)
    threshold = properties["Threshold"]
    periods = properties.get("Period", 0) * properties["EvaluationPeriods"]
    figures = {"minutes": threshold / 60_000, "days": periods / DAY, "percent": threshold * 100}
    assert sentence.format(**figures) in _text("docs/how-to/respond-to-alarms.md")
    assert THRESHOLDS.get(alarm, threshold) == threshold


def _text(document: str) -> str:
    return " ".join(text(document).split())
