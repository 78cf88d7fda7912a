"""How requests are written: the types of their fields, with what JSON Schema says of them besides."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from msgspec import Meta

MOMENT = (
    r"^\d{4}-\d{2}-\d{2}"
    r"([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?)?$"
)

SEGMENT, NUMERAL = "segment", "numeral"
"""Formats of fields that the description of the API says more of: see ``openapi/schemas.py``."""

Moment = Annotated[
    str, Meta(examples=["2018-05-03", "2018-05-03T14:30:00Z"], extra_json_schema={"pattern": MOMENT})
]
"""A date, or a date and a time with or without seconds, fractions and a zone; without one it is UTC."""

CountryName = Annotated[str, Meta(examples=["Peru"], extra_json_schema={"pattern": r"\S"})]
SegmentName = Annotated[str, Meta(extra_json_schema={"format": SEGMENT})]
Orders = Annotated[float, Meta(ge=0, le=sys.float_info.max, extra_json_schema={"format": NUMERAL})]
Fallback = Literal["country"]
