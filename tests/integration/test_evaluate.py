"""The command `evaluate`: its result, and a sentence for every wrong input."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.support.sample_files import BROKEN, file_of, sample_rows
from voucher_selector.cli.main import cli
from voucher_selector.errors import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

ORIGINAL = os.environ.get("VOUCHERS_2018", "")
BEFORE = [("Peru", "2018-05-01", "2018-06-10", orders, amount) for orders, amount in (("2", 1.0), ("8", 2.0))]
AFTER = [("Peru", "2018-05-20", "2018-07-10", orders, amount) for orders, amount in (("2", 1.0), ("8", 2.0))]
USES = sample_rows(
    *BEFORE * 3,
    *BEFORE[:1],
    *AFTER * 2,
    ("Peru", "2018-05-20", "2018-07-10", "8", None),
    ("Peru", "2018-05-20", None, "8", 2.0),
    ("", "2018-05-20", "2018-07-10", "8", 2.0),
    ("Peru", "2018-05-20", "yesterday", "8", 2.0),
)


def evaluate(*arguments: Any, **environment: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *map(str, arguments)], env=environment)


def result_of(*arguments: Any) -> dict[str, Any]:
    result = evaluate(*arguments, "--json")
    assert (result.exit_code, result.exception) == (Exit.FINE, None), result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture
def uses(tmp_path: Path) -> Path:
    path = tmp_path / "uses.parquet"
    path.write_bytes(file_of(USES))
    return path


def test_the_document_has_the_numbers_of_each_country_and_segment(uses: Path) -> None:
    document = result_of(uses, "--train-until", "2018-07-01")

    rows = {name: number for name, number in document.items() if name.endswith("rows")}
    assert rows == {"rows": 15, "train_rows": 7, "test_rows": 5, "undated_rows": 1, "rejected_rows": 2}
    recency, frequency = document["results"]
    assert (recency["country"], recency["segment_name"]) == ("Peru", "recency_segment")
    assert {name: frequency[name] for name in ("country", "segment_name", "uses", "hits", "hit_rate")} == {
        "country": "Peru",
        "segment_name": "frequent_segment",
        "uses": 5,
        "hits": 4,
        "hit_rate": 0.8,
    }
    assert frequency["baselines"] == {"country": 0.4, "recency_segment": 0.4, "last_month": 0.4}
    assert frequency["gain_points"] == pytest.approx(40)
    low, high = frequency["gain_interval"]
    assert low < 40 < high
    first, second, *_ = frequency["ranges"]
    assert (first["min"], first["max"], first["voucher_amount"], first["train_uses"]) == (0, 4, [1.0], 4)
    assert (second["uses"], second["hits"], second["hit_rate"]) == (3, 2, 2 / 3)


def test_the_tables_show_the_same(uses: Path) -> None:
    result = evaluate(uses, "--train-until", "2018-07-01")

    assert result.exit_code == Exit.FINE
    assert "Rows: 7 before the date, 5 from the date on, 1 undated, 2 rejected\n" in result.stdout
    assert "Peru, frequent_segment" in result.stdout
    assert "+40.00 points over the country's most used amount" in result.stdout
    assert "80.0%" in result.stdout


def test_a_use_at_the_date_is_judged_and_one_30_days_before_is_recent(uses: Path) -> None:
    document = result_of(uses, "--train-until", "2018-07-10")

    assert (document["train_rows"], document["test_rows"]) == (7, 5)
    assert [found["baselines"]["last_month"] for found in document["results"]] == [0.4, 0.4]


def test_make_gives_the_same_in_variables(uses: Path) -> None:
    variables = {"FILE": str(uses), "TRAIN_UNTIL": "2018-07-01", "JSON": "1", "VOUCHER_SELECTOR_MAKE": "1"}

    assert json.loads(evaluate(**variables).stdout) == result_of(uses, "--train-until", "2018-07-01")


def test_several_files_and_folders_are_one_evaluation(uses: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for month, part in (("june", USES[:7]), ("july", USES[7:])):
        path = folder / f"month={month}" / "uses.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(file_of(part))
    (folder / "_SUCCESS").touch()
    whole = result_of(uses, "--train-until", "2018-07-01")

    assert result_of(folder, "--train-until", "2018-07-01") == whole
    assert result_of(*folder.rglob("*.parquet"), "--train-until", "2018-07-01") == whole


def test_columns_have_other_names_or_are_in_the_folders_of_a_path(uses: Path, tmp_path: Path) -> None:
    table = pq.read_table(uses)
    peru = table.filter(pa.compute.equal(table["country_code"], "Peru")).drop_columns(["country_code"])
    folder = tmp_path / "country_code=Peru"
    folder.mkdir()
    pq.write_table(peru.rename_columns({"timestamp": "used at"}), folder / "uses.parquet")

    document = result_of(tmp_path / folder, "--train-until", "2018-07-01", "--columns", "timestamp=used at")

    whole = result_of(uses, "--train-until", "2018-07-01")
    assert document["rejected_rows"] == whole["rejected_rows"] - 1
    assert document["results"] == whole["results"]


def test_an_as_of_date_moves_only_the_uses_before_the_date(uses: Path) -> None:
    by_row = result_of(uses, "--train-until", "2018-07-01")["results"][0]
    by_date = result_of(uses, "--train-until", "2018-07-01", "--as-of", "2018-07-01")["results"][0]

    assert [part["train_uses"] for part in by_row["ranges"]] == [7, 0, 0, 0, 0]  # 40 days
    assert [part["train_uses"] for part in by_date["ranges"]] == [0, 7, 0, 0, 0]  # 61 days
    assert [part["uses"] for part in by_row["ranges"]] == [part["uses"] for part in by_date["ranges"]]


def test_a_change_of_regime_is_found_in_its_month(tmp_path: Path) -> None:
    months = [("2018-05-20", 1.0), ("2018-06-20", 1.0), ("2018-07-20", 2.0), ("2018-08-20", 2.0)]
    rows = [("Peru", "2018-01-01", day, "2", amount) for day, amount in months for _ in range(50)]
    path = tmp_path / "uses.parquet"
    path.write_bytes(file_of(sample_rows(*rows)))

    found = result_of(path, "--train-until", "2018-08-01")["results"][1]

    assert found["ranges"][0]["changes"] == [{"month": "2018-07", "from": 1.0, "to": 2.0}]
    assert (found["hits"], found["baselines"]["last_month"]) == (0, 1.0)  # two months against one
    shown = evaluate(path, "--train-until", "2018-08-01").stdout
    assert "0-4: the choice changed from 1 to 2 in 2018-07\n" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], Exit.USAGE, "Missing --train-until. Example: voucher-selector evaluate june.parquet"),
        (
            ["--train-until", "2018-07-01"],
            Exit.USAGE,
            "Missing FILE. Example: voucher-selector evaluate june.parquet",
        ),
        ([" ", "--train-until", "2018-07-01"], Exit.USAGE, "Missing FILE. Example: "),
        (["uses.parquet"], Exit.USAGE, "Missing --train-until. Example: "),
        (["uses.parquet", "--train-until", "July"], Exit.USAGE, "Invalid --train-until 'July'. Use a date"),
        (
            ["uses.parquet", "--train-until", "2018-01-01"],
            Exit.USAGE,
            "Invalid --train-until '2018-01-01': no use is before it. The uses are from 2018-06 to 2018-07.",
        ),
        (
            ["uses.parquet", "--train-until", "2019-01-01 12:00"],
            Exit.USAGE,
            "Invalid --train-until '2019-01-01T12:00:00+00:00': no use is from it on. ",
        ),
        (
            ["uses.parquet", "--train-until", "2018-07-01", "--as-of", "upload"],
            Exit.USAGE,
            "Invalid --as-of 'upload'. Use 'row', or a date that is not after --train-until.",
        ),
        (
            ["uses.parquet", "--train-until", "2018-07-01", "--as-of", "foo"],
            Exit.USAGE,
            "Invalid --as-of 'foo'. Use 'row', or a date that is not after --train-until.",
        ),
        (
            ["uses.parquet", "--train-until", "2018-07-01", "--as-of", "2018-07-02"],
            Exit.USAGE,
            "Invalid --as-of '2018-07-02'. Use 'row', or a date that is not after --train-until.",
        ),
        (["missing.parquet", "--train-until", "2018-07-01"], Exit.USAGE, "There is no file missing.parquet"),
        (["empty", "--train-until", "2018-07-01"], Exit.USAGE, "There are no files in empty"),
        (
            ["delta", "--train-until", "2018-07-01"],
            Exit.USAGE,
            "delta cannot be evaluated: it has rows of the Delta Lake table 'delta/'; write its",
        ),
        (
            ["delta/day=1/part.parquet", "--train-until", "2018-07-01"],
            Exit.USAGE,
            "delta/day=1/part.parquet cannot be evaluated: it has rows of the Delta Lake table '",
        ),
        (
            ["delta/day=1", "--train-until", "2018-07-01"],
            Exit.USAGE,
            "delta/day=1 cannot be evaluated: it has rows of the Delta Lake table '",
        ),
        (
            ["broken.parquet", "--train-until", "2018-07-01"],
            Exit.NO,
            "broken.parquet cannot be evaluated: it cannot be read as Parquet",
        ),
        (
            ["untimed.parquet", "--train-until", "2018-07-01"],
            Exit.NO,
            "untimed.parquet cannot be evaluated: it has no column 'timestamp'; it has 'country_code', ",
        ),
        (
            ["uses.parquet", "other.parquet", "--train-until", "2018-07-01"],
            Exit.NO,
            "other.parquet cannot be evaluated: it has no column 'country_code'",
        ),
        (
            ["undated.parquet", "--train-until", "2018-07-01"],
            Exit.NO,
            "Nothing can be evaluated: 1 of 2 rows are rejected, 1 have no time of use",
        ),
        (
            ["uses.parquet", "--train-until", "2018-07-01", "--columns", "time=used"],
            Exit.USAGE,
            "Invalid --columns: 'time=used' does not name a column",
        ),
    ],
)
def test_what_cannot_be_evaluated_ends_in_one_sentence(
    uses: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: Exit, message: str
) -> None:
    monkeypatch.chdir(uses.parent)
    table = pq.read_table(uses)
    pq.write_table(table.drop_columns(["timestamp"]), "untimed.parquet")
    pq.write_table(table.rename_columns({"country_code": "land"}), "other.parquet")
    (uses.parent / "undated.parquet").write_bytes(file_of(USES[12:14]))
    (uses.parent / "broken.parquet").write_bytes(BROKEN)
    (uses.parent / "empty").mkdir()
    (uses.parent / "delta" / "_delta_log").mkdir(parents=True)
    (uses.parent / "delta" / "_delta_log" / f"{0:020}.json").touch()
    (uses.parent / "delta" / "day=1").mkdir()
    pq.write_table(table, "delta/day=1/part.parquet")

    result = evaluate(*arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith(f"Error: {message}")


def test_a_missing_time_of_use_says_how_to_name_it(tmp_path: Path) -> None:
    path = tmp_path / "untimed.parquet"
    table = pa.table({name: [row[name] for row in USES] for name in USES[0] if name != "timestamp"})
    pq.write_table(table, path)

    message = evaluate(path, "--train-until", "2018-07-01").stderr

    assert message.endswith('name that, such as with --columns "timestamp=used_at"\n')
    assert "upload" not in message
    variables = {"FILE": str(path), "TRAIN_UNTIL": "2018-07-01", "VOUCHER_SELECTOR_MAKE": "1"}
    assert evaluate(**variables).stderr.endswith('name that, such as with COLUMN_NAMES="timestamp=used_at"\n')


@pytest.mark.skipif(not ORIGINAL, reason="VOUCHERS_2018 does not name the public file of 2018")
def test_the_public_file_is_evaluated_as_pandas_does() -> None:
    uses = pd.read_parquet(ORIGINAL)
    used, ordered = (pd.to_datetime(uses[name], utc=True) for name in ("timestamp", "last_order_ts"))
    orders = pd.to_numeric(uses["total_orders"]).fillna(0)
    edges = {"recency_segment": [30, 61, 91, 121, 180, 10**8], "frequent_segment": [0, 5, 14, 38, 10**8]}
    frame = pd.DataFrame({"country": uses["country_code"], "amount": uses["voucher_amount"].fillna(0)})
    frame["recency_segment"] = pd.cut((used - ordered).dt.days, edges["recency_segment"], right=False)
    frame["frequent_segment"] = pd.cut(orders, edges["frequent_segment"], right=False)
    split = pd.Timestamp("2018-07-01", tz="UTC")
    train, test = frame[used < split], frame[used >= split]

    def favorites(part: pd.DataFrame, *by: str) -> pd.DataFrame:
        sizes = part[part["amount"] > 0].groupby([*by, "amount"], observed=True).size().reset_index(name="n")
        most = sizes.sort_values(["n", "amount"], ascending=[False, True]).drop_duplicates([*by])
        return most[[*by, "amount"]].rename(columns={"amount": "choice"})

    expected: dict[Any, Any] = {}
    for name, other in (edges.keys(), reversed(edges.keys())):
        judged = test[test[name].notna()].merge(favorites(train, "country", name), "left")
        judged["of country"] = judged.merge(favorites(train, "country"), "left", "country")["choice_y"]
        judged["of other"] = judged.merge(favorites(train, "country", other), "left", ["country", other])[
            "choice_y"
        ]
        for country, part in judged.groupby("country"):
            hits, by_country, by_other = (
                int((part["amount"] == part[c]).sum()) for c in ("choice", "of country", "of other")
            )
            expected[country, name] = (len(part), hits, by_country, by_other, 100 * (hits - by_country))

    document = result_of(ORIGINAL, "--train-until", "2018-07-01")

    assert (document["train_rows"], document["test_rows"]) == (len(train), len(test)) == (136_743, 148_827)
    assert {
        (found["country"], found["segment_name"]): (
            found["uses"],
            found["hits"],
            round(found["baselines"]["country"] * found["uses"]),
            round(found["baselines"][other] * found["uses"]),
            pytest.approx(found["gain_points"] * found["uses"]),
        )
        for found in document["results"]
        for other in edges
        if other != found["segment_name"]
    } == expected
