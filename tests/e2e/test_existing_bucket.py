"""A stack on a bucket that exists already, with the functions' permissions enforced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.sample_files import file_of, sample_rows
from voucher_selector.cli.main import cli
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.stack import running
from voucher_selector.stack import Deployed
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack

BUCKET, PREFIX = "crm-exports", "crm/uses/"
KEY = f"{PREFIX}2020/uses.parquet"


@pytest.fixture(scope="module")
def theirs() -> Iterator[Deployed]:
    parameters = {"UploadsBucketName": BUCKET, "UploadsPrefix": PREFIX}
    with running(free_port(), free_port(), parameters=parameters, enforce_iam=True) as stack:
        s3 = session().client("s3", endpoint_url=stack.endpoint)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        yield Deployed(session(), stack.endpoint, stack.outputs)


@pytest.fixture
def run(theirs: Deployed, monkeypatch: pytest.MonkeyPatch) -> Run:
    assert theirs.endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL", theirs.endpoint)
    return Run()


class Run:
    """Runs commands."""

    def __call__(self, *arguments: str) -> dict[str, object]:
        result = CliRunner().invoke(cli, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        document: dict[str, object] = json.loads(result.stdout)
        return document


def uses(stack: Deployed, country: str) -> int:
    counts = stack.segments_table().country(country)
    cells = counts.cells.items() if counts else ()
    return sum(sum(cell.amounts.values()) for name, cell in cells if name.startswith("frequent_segment"))


def test_files_are_counted_replaced_and_subtracted(theirs: Deployed, run: Run, tmp_path: Path) -> None:
    file, s3 = tmp_path / "uses.parquet", theirs.s3()
    file.write_bytes(file_of(sample_rows(*[("Peru", "2020-01-01", "2020-03-01", "3", 5.0)] * 3)))
    document = run("upload", str(file), "--key", "2020/uses.parquet")
    assert document["source"] == KEY
    assert uses(theirs, "peru") == 3
    # The bucket has no versions, so S3 tells none.
    state = theirs.sources_table().load(KEY).state
    assert state
    assert (state.version_id, bool(state.sequencer)) == (None, True)

    s3.put_object(Bucket=BUCKET, Key="crm/other/uses.parquet", Body=file.read_bytes())
    s3.put_object(Bucket=BUCKET, Key="vouchers/uses.parquet", Body=file.read_bytes())
    file.write_bytes(file_of(sample_rows(("Peru", "2020-01-01", "2020-03-01", "3", 2640.0))))
    run("upload", str(file), "--key", KEY)
    assert uses(theirs, "peru") == 1
    assert run("verify")["differences"] == []
    assert run("replay", "--force")["counted"] == 1
    listed = run("sources", "2020/")["sources"]
    assert isinstance(listed, list)
    assert [source["source"] for source in listed] == [KEY]

    assert run("delete", "2020/uses.parquet") == {"deleted": [KEY]}
    assert uses(theirs, "peru") == 0
    state = theirs.sources_table().load(KEY).state
    assert state
    assert state.status is Status.DELETED


def test_a_replay_of_an_object_that_is_gone_subtracts_it(theirs: Deployed, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "gone.parquet"
    file.write_bytes(file_of(sample_rows(("Chile", "2020-01-01", "2020-03-01", "3", 5.0))))
    run("upload", str(file))
    assert uses(theirs, "chile") == 1
    s3 = theirs.s3()
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    try:
        s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}gone.parquet")
        assert uses(theirs, "chile") == 1
        # The role may list the prefix only, so S3 may answer 403 for the object.
        assert run("replay")["deleted"] == 1
    finally:
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    assert uses(theirs, "chile") == 0
