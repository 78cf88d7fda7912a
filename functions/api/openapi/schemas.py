"""JSON Schemas of the code's own types, with what their docstrings say of each field."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import msgspec

from api.http.fields import NUMERAL, SEGMENT
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Schema = dict[str, Any]
Struct = type[msgspec.Struct]

REFERENCE = "#/components/schemas/"
NULL = {"type": "null"}
NUMBER_OR_TEXT = {
    "type": ["number", "string"],
    "minimum": 0,
    "pattern": r"^(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$",
    "examples": [15, "15"],
}
ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\w|\Z)", re.DOTALL | re.MULTILINE)


def components(types: Iterable[Struct]) -> dict[str, Schema]:
    """Return the schemas of types, and of all that they are made of, by name."""
    _, schemas = msgspec.json.schema_components(types, ref_template=f"{REFERENCE}{{name}}")
    named = {each.__name__: each for each in _structs(msgspec.Struct)}
    return {name: _described(_exact(schema), named[name]) for name, schema in sorted(schemas.items())}


def parameters(query: Struct) -> list[Schema]:
    """Return the fields of a type as parameters of a query string, where nothing is null."""
    schema = components([query])[query.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": each.pop("description"),
            "schema": _without_null(each),
        }
        for name, each in schema["properties"].items()
    ]


def _structs(base: Struct) -> Iterator[Struct]:
    for each in base.__subclasses__():
        yield from _structs(each)
        if each.__module__.startswith("api."):
            yield each


def _exact(node: Any) -> Any:  # noqa: ANN401 (a schema's parts are JSON of any kind)
    """Return a schema with the names of segments that there are, and with text where it may be a number."""
    if isinstance(node, list):
        return [_exact(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == SEGMENT:
        return {"type": "string", "enum": list(load_definitions().names)}
    if node.get("format") == NUMERAL:
        return NUMBER_OR_TEXT
    return {key: _exact(each) for key, each in node.items()}


def _described(schema: Schema, of: Struct) -> Schema:
    said = {name: text for each in reversed(of.__mro__) for name, text in _said_of_fields(each)}
    properties = {
        name: {**each, "description": said[name]} if name in said else each
        for name, each in schema["properties"].items()
    }
    summary = inspect.cleandoc(of.__doc__ or "").partition("\n\n")[0]
    return {**schema, "description": _one_line(summary), "properties": properties}


def _said_of_fields(of: type) -> Iterator[tuple[str, str]]:
    _, _, attributes = inspect.cleandoc(of.__dict__.get("__doc__") or "").partition("Attributes:\n")
    return ((name, _one_line(text)) for name, text in ATTRIBUTE.findall(attributes))


def _one_line(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line[:1].upper() + line[1:]


def _without_null(schema: Schema) -> Schema:
    given = {key: each for key, each in schema.items() if key != "default" or each is not None}
    alternatives = [each for each in given.pop("anyOf", []) if each != NULL]
    return {**given, **alternatives[0]} if len(alternatives) == 1 else {**given, **_any_of(alternatives)}


def _any_of(alternatives: list[Schema]) -> Schema:
    return {"anyOf": alternatives} if alternatives else {}
