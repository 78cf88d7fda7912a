"""JSON Schemas of the API's types, with the descriptions of their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from api.http.fields import NUMERAL_FORMAT, SEGMENT_FORMAT
from vouchers.report import RejectedExample, Report, SegmentReport
from vouchers.segments import load_definitions

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/"
NUMBER_OR_STRING = {
    "type": ["number", "string"],
    "minimum": 0,
    "pattern": r"^(\s*|(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$",
    "examples": [15, "15"],
}
ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\w|\Z)", re.DOTALL | re.MULTILINE)
"""One attribute in a docstring, with its description."""


def components(types: Iterable[type]) -> dict[str, Schema]:
    """Return the schemas of ``types`` and of the types of their fields, by name."""
    _, schemas = msgspec.json.schema_components(types, ref_template=f"{REFERENCE}{{name}}")
    classes: list[type] = [Report, SegmentReport, RejectedExample, msgspec.Struct]
    for class_ in classes:
        classes += class_.__subclasses__()
    named = {
        class_.__name__: class_ for class_ in classes if class_.__module__.startswith(("api.", "vouchers."))
    }
    return {name: describe(complete(schema), named[name]) for name, schema in sorted(schemas.items())}


def query_parameters(query: type) -> list[Schema]:
    """Return the fields of a type as parameters of a query string, which has no null."""
    schema = components([query])[query.__name__]
    parameters = []
    for name, field in schema["properties"].items():
        value = {key: part for key, part in field.items() if key != "default" or part is not None}
        description = value.pop("description")
        alternatives = [part for part in value.pop("anyOf", []) if part != {"type": "null"}]
        value |= (
            alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives} if alternatives else {}
        )
        required = name in schema.get("required", ())
        parameters.append(
            {"name": name, "in": "query", "required": required, "description": description, "schema": value}
        )
    return parameters


def complete(node: Any) -> Any:  # noqa: ANN401 (a schema's parts are JSON of any kind)
    """Return a schema with the names of the segments, and with strings where they may replace numbers."""
    if isinstance(node, list):
        return [complete(part) for part in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == SEGMENT_FORMAT:
        return {"type": "string", "enum": list(load_definitions().names)}
    if node.get("format") == NUMERAL_FORMAT:
        return NUMBER_OR_STRING
    return {key: complete(part) for key, part in node.items()}


def describe(schema: Schema, of: type) -> Schema:
    """Return a schema with the descriptions that the docstrings of a type and its bases give."""

    def sentence(text: str) -> str:
        line = " ".join(text.split()).rstrip(".")
        return line[:1].upper() + line[1:]

    descriptions: dict[str, str] = {}
    for base in reversed(of.__mro__):
        _, _, attributes = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes:\n")
        descriptions |= {name: sentence(text) for name, text in ATTRIBUTE.findall(attributes)}
    properties = {
        name: {**field, "description": descriptions[name]} if name in descriptions else field
        for name, field in schema["properties"].items()
    }
    summary = inspect.cleandoc(of.__doc__ or "").partition("\n\n")[0]
    return {**schema, "description": sentence(summary), "properties": properties}
