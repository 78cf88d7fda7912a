"""Where the columns of a file are: names, mappings, partitions, types."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting.count_file import Counted, RowCallbacks, count_file
from ingest.errors import CORRECT, FileError
from ingest.parquet.column_names import NEEDED, ColumnMapping, ColumnRule, MappedName
from ingest.parquet.reader import Selection
from tests.support.bad_files import encrypted
from tests.support.parquet_builder import footer_of, with_footer
from tests.support.stack_harness import parquet
from tests.support.thrift import I32, LIST
from vouchers.segments import load_definitions

AS_OF = datetime(2020, 6, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = [AS_OF - timedelta(days=days, hours=1) for days in (10, 30, 61, 95, 200)]
CONTENT: dict[str, Any] = {
    "country_code": ["Peru", "Chile", "Peru", "Peru", "Chile"],
    "last_order_ts": MOMENTS,
    "total_orders": ["1", "5", "", "14", "40"],
    "voucher_amount": [2640.0, None, 2640.0, 3520.0, 0.0],
}
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def count(content: dict[str, Any] | bytes, mapping: str = "", key: str = "vouchers/a.parquet") -> Counted:
    file = content if isinstance(content, bytes) else parquet(pa.table(content))
    selection = Selection(ColumnRule(ColumnMapping.parse(mapping), key))
    as_of = int((AS_OF - EPOCH).total_seconds()) * 10**6
    return count_file(io.BytesIO(file), as_of, load_definitions(), RowCallbacks(), selection)


PLAIN = count(CONTENT)


def renamed(**names: str) -> dict[str, Any]:
    return {names.get(name, name): values for name, values in CONTENT.items()}


@pytest.mark.parametrize(
    "name",
    [
        "COUNTRY_CODE",
        " country_code",
        "Country_Code\t",
        "\ufeffcountry_code",
        "\u00ef\u00bb\u00bfcountry_code",
    ],
)
def test_a_name_matches_in_any_case_and_with_marks_around_it(name: str) -> None:
    assert count(renamed(country_code=name)) == PLAIN


def test_the_exact_name_wins_over_other_spellings() -> None:
    assert count({"COUNTRY_CODE": ["x"] * 5, **CONTENT, " Country_code": ["y"] * 5}) == PLAIN


def test_several_spellings_without_the_exact_name_fail_the_file() -> None:
    content = {**renamed(country_code="Country_Code"), "COUNTRY_CODE": ["Peru"] * 5}
    with pytest.raises(
        FileError, match="more than one column 'country_code': 'Country_Code', 'COUNTRY_CODE'"
    ):
        count(content)


def test_a_mapped_name_wins_over_the_needed_name() -> None:
    content = {**CONTENT, "country_code": ["x"] * 5, "Land": CONTENT["country_code"]}
    assert count(content, "country_code=land") == PLAIN


def test_a_column_can_be_mapped_twice() -> None:
    content = renamed(last_order_ts="moment")
    mapping = ColumnMapping.parse("last_order_ts=moment, timestamp=moment")
    counted = count_file(
        io.BytesIO(parquet(pa.table(content))),
        None,
        load_definitions(),
        RowCallbacks(),
        Selection(ColumnRule(mapping)),
    )
    assert counted.report.counted == len(MOMENTS)


@pytest.mark.parametrize(
    ("content", "mapping", "sentence", "advice"),
    [
        (renamed(country_code="country", total_orders="orders"), "", "'country_code', 'total_orders'; it",
         '--columns "country_code=country,total_orders=orders"'),
        (CONTENT, "country_code=land", "it has no column 'land' for 'country_code'; it", "corrected file"),
        (renamed(country_code="country,%20"), "", "has no column 'country_code'",
         '--columns "country_code=country%2C%2520"'),
        (renamed(last_order_ts="x"), "", "it has no column 'last_order_ts'", "corrected file"),
        ({**CONTENT, "last_order_ts": [1] * 5}, "", "'last_order_ts' is of type int64, and no point in time",
         '--columns "last_order_ts=last_order_ts:ms"'),
        ({**renamed(last_order_ts="ts$,s"), "ts$,s": [1] * 5}, "last_order_ts=ts%24%2Cs", "no point in time",
         '--columns "last_order_ts=ts%24%2Cs:ms"'),
        ({**CONTENT, "last_order_ts": ["1"] * 5}, "last_order_ts=last_order_ts:ms",
         "of type string, which cannot be read as a number of ms since 1970", "corrected file"),
        ({**CONTENT, "total_orders": [{"a": 1}] * 5}, "", "'total_orders' is nested, which", "corrected"),
        ({**CONTENT, "total_orders": [[1]] * 5}, "", "'total_orders' is nested, which", "corrected"),
    ],
)  # fmt: skip
def test_the_error_names_the_columns_and_the_mapping(
    content: dict[str, Any], mapping: str, sentence: str, advice: str
) -> None:
    with pytest.raises(FileError, match=sentence) as failed:
        count(content, mapping)
    assert advice in failed.value.advice


@pytest.mark.parametrize("mapping", ["", "total_orders=last_orders"])
def test_the_advice_leaves_out_columns_that_are_others_already(mapping: str) -> None:
    content = {**renamed(last_order_ts="ts"), "first_order_ts": ["2018-01-01"] * 5}
    if mapping:
        content["last_orders"] = content.pop("total_orders")
    with pytest.raises(FileError) as failed:
        count(content, mapping)
    assert failed.value.advice == CORRECT


def test_the_advice_names_folders_of_the_key_too() -> None:
    content = {name: values for name, values in CONTENT.items() if name != "country_code"}
    with pytest.raises(FileError) as failed:
        count(content, key="vouchers/country=Peru/a.parquet")
    assert failed.value.advice.endswith('--columns "country_code=country"')


@given(
    st.lists(st.sampled_from([" A", "a", "A", "\ufeffa ", "b"]), max_size=4),
    st.lists(st.sampled_from(["A", "a", " a", "b"]), max_size=3),
)
def test_a_name_is_found_as_the_rules_say(present: list[str], folders: list[str]) -> None:
    key = "/".join(["vouchers", *(f"{name}={place}" for place, name in enumerate(folders)), "a.parquet"])
    rule = ColumnRule(ColumnMapping({"country_code": MappedName("a")}), key)

    def candidates(names: list[str]) -> list[int]:
        alike = [place for place, name in enumerate(names) if name.strip(" \ufeff").lower() == "a"]
        return [place for place in alike if names[place] == "a"] or alike

    in_file, in_key = candidates(present), [] if candidates(present) else candidates(folders)
    if len(in_file + in_key) == 1:
        expected = [{"country_code": in_file[0]}, {}] if in_file else [{}, {"country_code": str(in_key[0])}]
        assert [*rule.find(present, ["country_code"])] == expected
        assert [*rule.find(present, [], ["country_code"])] == expected
    else:
        assert rule.find(present, [], ["country_code"]) == ({}, {})
        with pytest.raises(FileError, match="more than one column" if in_file + in_key else "has no column"):
            rule.find(present, ["country_code"])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.uint64()])
def test_integers_are_times_if_the_mapping_says_the_unit(unit: str, kind: pa.DataType) -> None:
    numbers = [int((moment - EPOCH).total_seconds()) * UNITS[unit] for moment in MOMENTS]
    content = {**CONTENT, "ts": pa.array(numbers).cast(kind, safe=False)}
    del content["last_order_ts"]
    assert count(content, f"last_order_ts=ts:{unit}") == PLAIN


def test_missing_epoch_numbers_are_missing_times() -> None:
    numbers = [float("nan"), None, *((moment - EPOCH).total_seconds() for moment in MOMENTS[2:])]
    content = {**CONTENT, "last_order_ts": pa.array(numbers, pa.float64())}
    expected = count({**CONTENT, "last_order_ts": [None, None, *MOMENTS[2:]]})
    assert count(content, "last_order_ts=last_order_ts:s") == expected


@pytest.mark.parametrize(
    ("folder", "column", "value"),
    [
        ("country_code=C%C3%B4te%20d%27Ivoire", "country_code", "Côte d'Ivoire"),
        ("COUNTRY_CODE=Peru", "country_code", "Peru"),
        ("country_code=__HIVE_DEFAULT_PARTITION__", "country_code", None),
        ("country_code=", "country_code", ""),
        ("total_orders=15", "total_orders", "15"),
        ("total_orders=__HIVE_DEFAULT_PARTITION__", "total_orders", None),
        ("voucher_amount=2640.0", "voucher_amount", "2640.0"),
        ("last_order_ts=2020-01-05 10%3A00%3A00", "last_order_ts", "2020-01-05 10:00:00"),
        ("a=1/last_order_ts=20200105/_b=2", "last_order_ts", "2020-01-05"),
    ],
)
def test_a_missing_column_comes_from_the_key(folder: str, column: str, value: str | None) -> None:
    content = {name: values for name, values in CONTENT.items() if name != column}
    expected = count({**content, column: pa.array([value] * 5, pa.string())})
    assert count(content, key=f"vouchers/{folder}/a.parquet") == expected


def test_a_column_of_the_file_wins_over_the_key() -> None:
    assert count(CONTENT, key="vouchers/country_code=Chile/voucher_amount=1/a.parquet") == PLAIN


def test_a_mapped_name_may_be_a_folder_of_the_key_with_a_unit() -> None:
    content = {name: CONTENT[name] for name in ("total_orders", "voucher_amount", "country_code")}
    expected = count({**content, "last_order_ts": ["2020-01-05"] * 5})
    assert count(content, "last_order_ts=day:s", "vouchers/day=1578182400/a.parquet") == expected


def test_all_columns_may_come_from_the_key() -> None:
    folders = "country_code=Peru/last_order_ts=2020-01-05/total_orders=1/voucher_amount=5"
    counted = count({"other": [1] * 70_000}, key=f"vouchers/{folders}/a.parquet")
    assert (counted.report.rows, counted.report.counted) == (70_000, 70_000)


def test_a_key_with_a_column_twice_fails_the_file() -> None:
    content = {name: values for name, values in CONTENT.items() if name != "country_code"}
    with pytest.raises(FileError, match=r"its key '.*' has more than one column 'country_code'"):
        count(content, key="vouchers/country_code=Peru/country_code=Chile/a.parquet")


@given(
    st.dictionaries(
        st.sampled_from(NEEDED),
        st.builds(MappedName, st.text(min_size=1).map(str.strip).filter(bool), st.none()),
    )
)
def test_a_mapping_survives_its_text(names: dict[str, MappedName]) -> None:
    mapping = ColumnMapping(names)
    assert str(mapping).isascii()
    assert ColumnMapping.parse(str(mapping)) == mapping


@pytest.mark.parametrize("text", ["country", "country_code=", "=x", "land=x", "timestamp=a,timestamp=b"])
def test_a_mapping_that_names_no_column_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not name a column; use pairs such as country_code=country"):
        ColumnMapping.parse(text)


def test_empty_lists_may_be_of_any_kind() -> None:
    file = parquet(pa.table(CONTENT), write_statistics=False)
    message = footer_of(file)[1]
    for chunk in message[4][1][1][0][1][1][1]:
        chunk[3][1][8] = (LIST, (0, []))
    message[5] = (LIST, (0, []))
    assert count(with_footer(file, message)) == PLAIN


def test_a_column_that_nobody_needs_may_be_of_any_type() -> None:
    file = parquet(pa.table({**CONTENT, "other": [1] * 5}), store_schema=False)
    message = footer_of(file)[1]
    message[2][1][1][-1][6] = (I32, 12)  # integers of 16 bits, which this is not
    odd = with_footer(file, message)
    with pytest.raises(OSError, match="UINT_16"):
        pq.read_schema(io.BytesIO(odd))
    assert count(odd) == PLAIN


def test_a_column_that_nobody_needs_may_be_encrypted() -> None:
    file = encrypted(plaintext_footer=True, column="customer")
    assert count(file).report.counted > 0


def test_nat_is_a_missing_time() -> None:
    numbers = pa.array(
        [-(2**63), *[int((m - EPOCH).total_seconds() * 10**6) for m in MOMENTS[1:]]], pa.int64()
    )
    expected = count({**CONTENT, "last_order_ts": [None, *MOMENTS[1:]]})
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        assert count({**CONTENT, "last_order_ts": numbers.cast(kind)}) == expected
