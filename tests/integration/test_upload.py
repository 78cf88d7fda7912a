"""The command `upload` against moto, with the ingest function called where S3 would call it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from click.testing import CliRunner

from tests.support.sample_files import file_of, sample_rows
from voucher_selector.cli import upload
from voucher_selector.cli.main import cli
from voucher_selector.operations import upload as uploading
from voucher_selector.stack import Deployed

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.stack_harness import StackHarness

ROWS = sample_rows(
    ("Peru", "2018-06-01", "2018-08-05 10:00:00", "3.0", 2640.0),
    ("Peru", "2018-08-04", "2018-08-05 10:00:00", "", None),
    ("", "2018-06-01", "2018-08-05 10:00:00", "1.0", 2640.0),
)


@pytest.fixture
def harness(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> StackHarness:
    outputs = {
        "UploadsBucket": harness.uploads,
        "SourcesTable": harness.sources,
        "ResultsBucket": harness.results,
    }
    there = Deployed(boto3.Session(), None, outputs)
    monkeypatch.setattr(upload, "find_stack", lambda: there)
    monkeypatch.setattr(uploading, "sleep", lambda _: harness.deliver())
    return harness


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vouchers.parquet"
    path.write_bytes(file_of(ROWS))
    return path


def _upload(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["upload", *map(str, arguments)])


def _metadata(harness: StackHarness, key: str) -> dict[str, str]:
    found: dict[str, str] = harness.s3.head_object(Bucket=harness.uploads, Key=key)["Metadata"]
    return {name: value for name, value in found.items() if name != "uploaded-from"}


@pytest.mark.usefixtures("harness")
def test_the_report_on_the_file_is_printed(file: Path) -> None:
    result = _upload(file, "--as-of", "2018-08-05")

    cells = [line.split("│")[1:-1] for line in result.stdout.splitlines() if "│" in line]
    shown = {name.strip(): value.strip() for name, value in cells}
    assert shown.pop("seconds")
    assert shown == {
        "rows": "3",
        "counted": "2",
        "rejected": "1",
        "rejected: country code missing": "1",
        "row 2": "''",
        "repaired: total orders empty": "1",
        "repaired: voucher amount null": "1",
        "unsegmented: recency segment": "1",
        "unsegmented: frequent segment": "0",
        "as of": "2018-08-05T00:00:00.000000Z",
    }
    assert result.exit_code == 0


@pytest.mark.usefixtures("harness")
def test_a_file_is_of_a_table_if_it_is_below_its_log_or_in_its_data(file: Path) -> None:
    iceberg = file.parent / "metadata" / "v1.metadata.json"
    iceberg.parent.mkdir()
    iceberg.touch()
    assert _upload(file).exit_code == 0
    of_iceberg = file.parent / "data" / "day=1" / "a.parquet"
    of_iceberg.parent.mkdir(parents=True)
    of_iceberg.write_bytes(file.read_bytes())
    log = file.parent / "delta table" / "_delta_log" / f"{0:020d}.json"
    log.parent.mkdir(parents=True)
    log.touch()
    of_delta = log.parents[1] / "b.parquet"
    of_delta.write_bytes(file.read_bytes())
    for path, format_, root in (
        (of_iceberg, "Apache Iceberg", f"{file.parent}/"),
        (of_delta, "Delta Lake", f"{log.parents[1]}/"),
    ):
        words = f"make dataset NAME={shlex.quote(Path(root).name)} FROM={shlex.quote(root)}"
        message = f"{path} cannot be uploaded: it has rows of the {format_} table '{root}'"
        result = _upload(path)
        expected = (2, f"Error: {message}; count the whole table: {words}\n")
        assert (result.exit_code, result.stderr) == expected
        assert _upload(path.parent).stderr.startswith(f"Error: {path.parent} cannot be uploaded: it has rows")


@pytest.mark.usefixtures("harness")
def test_the_report_as_json_is_data(file: Path) -> None:
    data = json.loads(_upload(file, "--as-of", "row", "--json").stdout)

    assert (data["source"], data["status"], data["as_of"]) == ("vouchers/vouchers.parquet", "counted", "row")
    assert (data["report"]["rows"], data["report"]["rejected"], data["error"]) == (3, 1, None)


def test_the_command_prints_where_the_rejected_rows_are(harness: StackHarness, file: Path) -> None:
    shown = _upload(file, "--as-of", "2018-08-05").stdout.splitlines()[-1]
    message = json.loads(_upload(file, "--as-of", "row", "--json").stdout)["rejected_rows"]

    place = f"s3://{harness.results}/"
    key = message.removeprefix(place)
    assert shown.startswith(f"Rejected rows with their reasons: {place}rejected/vouchers/vouchers.parquet/")
    assert message == f"{place}{key}"
    assert [row["reason"] for row in harness.result_rows(key)] == ["country_code_missing"]


@pytest.mark.usefixtures("harness")
def test_without_rejected_rows_none_are_spoken_of(file: Path) -> None:
    file.write_bytes(file_of(ROWS[:1]))

    assert "Rejected rows" not in _upload(file).stdout
    assert json.loads(_upload(file, "--json").stdout)["rejected_rows"] is None


@pytest.mark.usefixtures("harness")
def test_a_file_that_fails_is_data_too(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not Parquet")

    result = _upload(path, "--json")

    data = json.loads(result.stdout)
    assert (data["status"], result.exit_code) == ("failed", 1)
    assert result.stderr.splitlines()[-1] == f"Error: {data['error']}"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("2018.parquet", "vouchers/2018.parquet"),
        ("peru/a b.parquet", "vouchers/peru/a b.parquet"),
        ("vouchers/2018.parquet", "vouchers/2018.parquet"),
        ("/vouchers/2018.parquet", "vouchers/2018.parquet"),
    ],
)
def test_the_object_is_named_as_wanted_under_the_prefix(
    harness: StackHarness, file: Path, name: str, key: str
) -> None:
    result = _upload(file, "--key", name)

    assert [o["Key"] for o in harness.s3.list_objects_v2(Bucket=harness.uploads)["Contents"]] == [key]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "metadata"),
    [
        ((), {}),
        (("--as-of", "row"), {"as-of": "row"}),
        (("--as-of", "2018-08-05"), {"as-of": "2018-08-05"}),
        (("--as-of", "20180805"), {"as-of": "2018-08-05"}),
        (("--as-of", "2018-08-05 10:00"), {"as-of": "2018-08-05T10:00:00+00:00"}),
        (("--as-of", " ROW"), {"as-of": "row"}),
        (("--as-of", "upload"), {"as-of": "upload"}),
    ],
)
def test_the_as_of_date_is_the_objects_metadata(
    harness: StackHarness, file: Path, arguments: tuple[str, ...], metadata: dict[str, str]
) -> None:
    _upload(file, *arguments)

    assert _metadata(harness, "vouchers/vouchers.parquet") == metadata


@pytest.mark.usefixtures("harness")
def test_a_file_that_fails_ends_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not Parquet")

    result = _upload(path)

    assert "'vouchers/notes.txt' was not counted: it cannot be read as Parquet" in result.stderr
    assert (result.stderr.count("\n"), result.stdout, result.exit_code) == (3, "", 1)


def test_the_report_is_on_this_upload_and_not_on_the_one_before(harness: StackHarness, file: Path) -> None:
    _upload(file, "--as-of", "2018-08-05")
    file.write_bytes(file_of(ROWS[:1]))

    result = _upload(file, "--as-of", "2018-08-05", "--json")

    assert json.loads(result.stdout)["report"]["rows"] == 1
    assert harness.source("vouchers/vouchers.parquet").state is not None


def test_an_upload_that_is_replaced_meanwhile_is_not_waited_for(
    harness: StackHarness, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "sleep", lambda _: harness.put("vouchers/vouchers.parquet", b"another"))

    result = _upload(file)

    assert "vouchers/vouchers.parquet was replaced before it was counted" in result.stderr
    assert result.exit_code == 1


def test_an_upload_that_is_deleted_meanwhile_is_not_waited_for(
    harness: StackHarness, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "sleep", lambda _: harness.delete("vouchers/vouchers.parquet"))

    result = _upload(file)

    assert "vouchers/vouchers.parquet was deleted before it was counted" in result.stderr
    assert result.exit_code == 1


def test_an_upload_of_which_nothing_is_heard_is_given_up(
    harness: StackHarness, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 400))
    monkeypatch.setattr(uploading, "monotonic", lambda: next(clock))
    monkeypatch.setattr(uploading, "sleep", lambda _: None)

    result = _upload(file)

    assert "was uploaded but not counted within 900 s. See the log: .stack/" in result.stderr
    assert (result.exit_code, harness.source("vouchers/vouchers.parquet").state) == (3, None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("",), "Missing FILE. Example: voucher-selector upload vouchers.parquet --as-of 2020-06-15 --json"),
        (("missing.parquet",), "There is no file missing.parquet"),
        (("/",), "/ contains all files of this machine. Name another folder."),
    ],
)
def test_a_file_that_is_not_there_is_named_and_nothing_sent(
    harness: StackHarness, arguments: tuple[str, ...], sentence: str
) -> None:
    result = _upload(*arguments)

    assert (result.stderr, result.exit_code) == (f"Error: {sentence}\n", 2)
    assert _is_empty(harness)


@pytest.mark.parametrize("as_of", ["tomorrow", "2018-13-01", ""])
def test_a_wrong_as_of_date_is_named_and_nothing_sent(harness: StackHarness, file: Path, as_of: str) -> None:
    result = _upload(file, "--as-of", as_of)

    assert (
        result.stderr == f"Error: Invalid --as-of: '{as_of}' is not an as-of date; "
        "use a date such as 2018-08-05, 'row' or 'upload'\n"
    )
    assert (result.exit_code, _is_empty(harness)) == (2, True)


def test_a_refusal_of_the_bucket_is_reported_in_one_sentence(
    harness: StackHarness, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Deployed(boto3.Session(), None, {"UploadsBucket": "gone", "SourcesTable": harness.sources})
    monkeypatch.setattr(upload, "find_stack", lambda: nowhere)

    result = _upload(file)

    assert "specified bucket does not exist" in result.stderr
    assert (result.exit_code, _is_empty(harness)) == (3, True)


def _is_empty(harness: StackHarness) -> bool:
    return "Contents" not in harness.s3.list_objects_v2(Bucket=harness.uploads)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files of three rows, a marker, and the page of a profile."""
    years = tmp_path / "years"
    for name in ("2018/a.parquet", "day=1/_x=2/b+ü.parquet"):
        (years / name).parent.mkdir(parents=True)
        (years / name).write_bytes(file_of(ROWS))
    (years / "_SUCCESS").touch()
    (years / "2018" / "a.profile.html").touch()
    return years


IN_FOLDER = ["vouchers/years/2018/a.parquet", "vouchers/years/day=1/_x=2/b+ü.parquet"]


def _keys(harness: StackHarness) -> list[str]:
    found = harness.s3.list_objects_v2(Bucket=harness.uploads).get("Contents", [])
    return [entry["Key"] for entry in found]


def test_files_and_folders_are_uploaded_under_their_names(
    harness: StackHarness, file: Path, folder: Path
) -> None:
    result = _upload(file, folder, "--json")

    assert _keys(harness) == ["vouchers/vouchers.parquet", *IN_FOLDER]
    data = json.loads(result.stdout)
    assert [source["source"] for source in data["sources"]] == _keys(harness)
    assert {source["report"]["rows"] for source in data["sources"]} == {3}
    assert (data["deleted"], result.exit_code) == ([], 0)


@pytest.mark.parametrize(("key", "prefix"), [("old", "old/"), ("a/b/", "a/b/"), ("/", "")])
def test_a_key_replaces_the_name_of_a_folder(
    harness: StackHarness, folder: Path, key: str, prefix: str
) -> None:
    _upload(folder, "--key", key)

    assert _keys(harness) == [key.replace("years/", prefix) for key in IN_FOLDER]


def test_the_folder_of_the_shell_is_uploaded_under_its_name(
    harness: StackHarness, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "2018")
    assert _upload("..").exit_code == 0
    monkeypatch.chdir(folder)
    assert _upload(".").exit_code == 0

    assert _keys(harness) == IN_FOLDER


@pytest.mark.usefixtures("harness")
def test_several_files_have_one_report_of_sums(folder: Path) -> None:
    result = _upload(folder, "--as-of", "2018-08-05")

    cells = [[cell.strip() for cell in row.split("│")[1:-1]] for row in result.stdout.splitlines()]
    assert result.stdout.startswith("2 files")
    for row in (["rows", "6"], ["counted", "4"], ["rejected: country code missing", "2"]):
        assert row in cells
    assert ["as of", "2018-08-05T00:00:00.000000Z"] in cells


def test_one_file_that_fails_does_not_stop_the_others(harness: StackHarness, folder: Path) -> None:
    (folder / "notes.txt").write_text("not Parquet")
    result = _upload(folder)
    as_json = json.loads(_upload(folder, "--json").stdout)

    assert "'vouchers/years/notes.txt' was not counted: it cannot be read as Parquet" in result.stderr
    assert result.stderr.splitlines()[-1] == "Error: 1 of 3 files were not counted"
    assert (result.exit_code, result.stdout.startswith("2 files")) == (1, True)
    assert [source["status"] for source in as_json["sources"]] == ["counted", "counted", "failed"]
    assert all(harness.source(key).state for key in IN_FOLDER)


def test_a_sync_deletes_what_is_not_in_the_folder_any_longer(
    harness: StackHarness, file: Path, folder: Path
) -> None:
    _upload(file, folder)
    (folder / "2018" / "a.parquet").rename(folder / "2018" / "c.parquet")

    result = _upload(folder, "--sync", "--json")

    left = ["vouchers/vouchers.parquet", "vouchers/years/2018/c.parquet", IN_FOLDER[1]]
    assert (_keys(harness), json.loads(result.stdout)["deleted"]) == (left, [IN_FOLDER[0]])
    assert f"Deleted: {IN_FOLDER[0]}\n" in result.stderr
    assert harness.source(IN_FOLDER[0]).is_gone


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.parquet", "b/a.parquet"], "a.parquet and b/a.parquet would both be vouchers/a.parquet. "),
        (["a.parquet", "b", "--key", "c"], "--key names one file or folder, but 2 are given"),
        (["a.parquet", "--sync"], "--sync needs a folder, but a.parquet is a file"),
        (["_a.parquet"], "vouchers/_a.parquet would not be counted, because a name in it begins with"),
        (["empty"], "There are no files in empty"),
    ],
)
def test_files_that_cannot_be_told_apart_or_counted_are_not_sent(
    harness: StackHarness,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.parquet", "b/a.parquet", "_a.parquet", "empty/_SUCCESS"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    result = _upload(*arguments)

    assert result.stderr.startswith(f"Error: {sentence}")
    assert (result.exit_code, _is_empty(harness)) == (2, True)


def _rows(counted: int, rejected: int) -> bytes:
    return file_of([*[ROWS[0]] * counted, *[ROWS[2]] * rejected])


def test_a_file_of_which_nothing_counts_is_a_failure(file: Path, harness: StackHarness) -> None:
    file.write_bytes(_rows(0, 2))
    result = _upload(file)
    as_json = json.loads(_upload(file, "--json").stdout)

    sentence = "Nothing of vouchers/vouchers.parquet is counted, because all its 2 rows are rejected"
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, f"Error: {sentence}")
    assert "rejected: country code missing" in result.stdout
    assert (as_json["status"], as_json["error"]) == ("counted", sentence)
    assert harness.cells() == {}


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize(
    ("rejected", "more", "warned"),
    [(1, [], False), (2, [], True), (2, ["--max-rejected", "20"], False), (1, ["--max-rejected", "0"], True)],
)
def test_many_rejected_rows_are_a_warning(
    file: Path, rejected: int, more: list[str], *, warned: bool
) -> None:
    file.write_bytes(_rows(10 - rejected, rejected))
    result = _upload(file, "--as-of", "2018-08-05", *more)

    warning = (
        f"{10 * rejected}.0 % of the rows of vouchers/vouchers.parquet are rejected, most of them for: "
        "country code missing"
    )
    assert ([warning] == _warnings(result), result.exit_code) == (warned, 0)


def _warnings(result: Result) -> list[str]:
    lines = result.stderr.splitlines()
    return [line.removeprefix("Warning: ") for line in lines if line.startswith("Warning")]


@pytest.mark.usefixtures("harness")
def test_a_segment_without_a_row_in_its_ranges_is_a_warning(file: Path) -> None:
    file.write_bytes(_rows(3, 0))

    assert _warnings(_upload(file, "--as-of", "2018-06-02")) == [
        (
            "No row of vouchers/vouchers.parquet is in a range of recency_segment; is the as-of date "
            "2018-06-02T00:00:00.000000Z right?"
        )
    ]


@pytest.mark.usefixtures("harness")
def test_a_file_without_rows_is_a_warning(file: Path) -> None:
    file.write_bytes(_rows(0, 0))
    result = _upload(file)
    assert (_warnings(result), result.exit_code) == (["vouchers/vouchers.parquet has no rows"], 0)


@pytest.mark.usefixtures("harness")
def test_the_same_content_under_two_keys_is_a_warning(file: Path) -> None:
    file.write_bytes(_rows(3, 0))
    as_of = ("--as-of", "2018-08-05")
    before = [_upload(file, *as_of), _upload(file, *as_of)]
    result = _upload(file, "--key", "copy.parquet", *as_of)

    assert [_warnings(earlier) for earlier in before] == [[], []]
    assert _warnings(result) == [
        (
            "vouchers/copy.parquet has the same content as vouchers/vouchers.parquet, and its rows are "
            "counted twice"
        )
    ]


@pytest.mark.usefixtures("harness")
def test_another_file_under_the_same_key_is_a_warning(file: Path, tmp_path: Path) -> None:
    file.write_bytes(_rows(3, 0))
    as_of = ("--as-of", "2018-08-05")
    other = tmp_path / "other" / file.name
    other.parent.mkdir()
    other.write_bytes(_rows(4, 0))
    first = _upload(file, *as_of)
    file.write_bytes(_rows(2, 0))
    renewed, replaced = _upload(file, *as_of), _upload(other, *as_of)

    assert [_warnings(first), _warnings(renewed)] == [[], []]
    assert _warnings(replaced) == [
        (
            "vouchers/vouchers.parquet had the content of another file, which is replaced now. To count "
            "both, give one another name with --key, or upload the folder that contains both"
        )
    ]


def test_an_as_of_date_in_the_future_is_refused(harness: StackHarness, file: Path) -> None:
    result = _upload(file, "--as-of", "9999-01-01")
    assert result.stderr.startswith("Error: Invalid --as-of: '9999-01-01' is in the future (UTC); use a date")
    assert (result.exit_code, _is_empty(harness)) == (2, True)
