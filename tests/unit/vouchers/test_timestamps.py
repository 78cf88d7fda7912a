from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vouchers.timestamps import parse_timestamp

pytestmark = pytest.mark.disable_socket


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018-05-03", datetime(2018, 5, 3, tzinfo=UTC)),
        ("2018-05-03 00:00:00", datetime(2018, 5, 3, tzinfo=UTC)),
        ("2018-05-03T14:30", datetime(2018, 5, 3, 14, 30, tzinfo=UTC)),
        ("2018-05-03T14:30:15Z", datetime(2018, 5, 3, 14, 30, 15, tzinfo=UTC)),
        ("2018-05-03t14:30:15z", datetime(2018, 5, 3, 14, 30, 15, tzinfo=UTC)),
        ("2018-05-03 14:30:15+02:00", datetime(2018, 5, 3, 12, 30, 15, tzinfo=UTC)),
        ("2018-05-03 14:30:15-0530", datetime(2018, 5, 3, 20, 0, 15, tzinfo=UTC)),
        ("2018-07-21 18:59:21.1", datetime(2018, 7, 21, 18, 59, 21, 100000, tzinfo=UTC)),
        ("2018-07-21 18:59:21.102761+00:00", datetime(2018, 7, 21, 18, 59, 21, 102761, tzinfo=UTC)),
        ("2018-07-21T18:59:21.102761999Z", datetime(2018, 7, 21, 18, 59, 21, 102761, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("20180503", datetime(2018, 5, 3, tzinfo=UTC)),
        ("2018-05-03 14", datetime(2018, 5, 3, 14, tzinfo=UTC)),
        ("2018-05-03 14:30:15,5", datetime(2018, 5, 3, 14, 30, 15, 500000, tzinfo=UTC)),
        ("2018-05-03 14:30:15 UTC", datetime(2018, 5, 3, 14, 30, 15, tzinfo=UTC)),
        ("2018-05-03 14:30:15.000 Z", datetime(2018, 5, 3, 14, 30, 15, tzinfo=UTC)),
        ("2018-05-03 14:30:15 +02:00", datetime(2018, 5, 3, 12, 30, 15, tzinfo=UTC)),
        ("2018-05-03 14:30:15 +0200", datetime(2018, 5, 3, 12, 30, 15, tzinfo=UTC)),
        ("2018-05-03 14:30:15-02", datetime(2018, 5, 3, 16, 30, 15, tzinfo=UTC)),
        ("2018-05-03T14:30:15Z[UTC]", datetime(2018, 5, 3, 14, 30, 15, tzinfo=UTC)),
        (" 2018-05-03 14:30:15 ", datetime(2018, 5, 3, 14, 30, 15, tzinfo=UTC)),
        ("2018-05-03\n", datetime(2018, 5, 3, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_read_as_utc(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment
    assert parse_timestamp(text).utcoffset() == UTC.utcoffset(None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1525305600",
        "20180503 14:30",
        "20180230",
        "None",
        "NULL",
        "nan",
        "\\N",
        "2018-05-03 14:30:15 utc",
        "2018-05-03 14:30:15  UTC",
        "2018-05-03 UTC",
        "2018-05-03T14:30:15Z[Europe/Berlin]",
        "2018-W18-4",
        "2018-5-3",
        "2018-02-29",
        "2018-05-03x00:00:00",
        "2018-05-03 25:00:00",
        "2018-05-03 14:30:60",
        "2018-05-03 14:30:15 02:00",
        "2018-05-03 14:30:15+24:00",
        "2018-05-03 14:30:15.1234567890",
        "2018-05-03+02:00",
        "03.05.2018",
        "\N{ARABIC-INDIC DIGIT TWO}018-05-03",
        "0000-01-01",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-02:00",
        "\ud800",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a timestamp$"):
        parse_timestamp(text)
