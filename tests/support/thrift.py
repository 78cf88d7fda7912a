"""Thrift's compact protocol, as far as Parquet's footers and page headers use it.

A struct is a dict of field id → (kind, value); a list is (kind of its elements, elements).
"""

from __future__ import annotations

from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

Struct = dict[int, tuple[int, Any]]


def read(data: bytes, at: int = 0) -> tuple[Struct, int]:
    """Return the struct that starts at ``at``, and where it ends."""
    struct, field = {}, 0
    while data[at]:
        kind, step = data[at] & 15, data[at] >> 4
        at += 1
        if step:
            field += step
        else:
            field, at = _integer(data, at)
        value, at = _value(data, at, kind)
        struct[field] = (kind, value)
    return struct, at + 1


def write(struct: Struct) -> bytes:
    """Return a struct as bytes."""
    parts, last = [], 0
    for field, (kind, value) in sorted(struct.items()):
        step = field - last
        head = bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + zigzag(field)
        parts += [head, b"" if kind in {TRUE, FALSE} else _bytes(kind, value)]
        last = field
    return b"".join(parts) + b"\0"


def varint(number: int) -> bytes:
    """Return a number in seven bits a byte."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in {I16, I32, I64}:
        return _integer(data, at)
    if kind == BINARY:
        size, at = _varint(data, at)
        return data[at : at + size], at + size
    if kind in {LIST, STRUCT}:
        return _list(data, at) if kind == LIST else read(data, at)
    if kind in {TRUE, FALSE}:
        return kind == TRUE, at
    if kind not in {BYTE, DOUBLE}:
        raise ValueError(f"Parquet has no thrift value of kind {kind}")
    size = 8 if kind == DOUBLE else 1
    return data[at : at + size], at + size


def _list(data: bytes, at: int) -> tuple[tuple[int, list[Any]], int]:
    size, kind = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _varint(data, at)
    values = []
    for _ in range(size):
        if kind in {TRUE, FALSE}:
            value, at = data[at], at + 1
        else:
            value, at = _value(data, at, kind)
        values.append(value)
    return (kind, values), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return number, at


def _integer(data: bytes, at: int) -> tuple[int, int]:
    number, at = _varint(data, at)
    return number >> 1 ^ -(number & 1), at


def zigzag(number: int) -> bytes:
    """Return a signed number in seven bits a byte."""
    return varint((number << 1 ^ number >> 63) & (1 << 64) - 1)


def _bytes(kind: int, value: Any) -> bytes:
    if kind in {I16, I32, I64}:
        return zigzag(value)
    if kind == BINARY:
        return varint(len(value)) + bytes(value)
    if kind == LIST:
        return _list_bytes(*value)
    return write(value) if kind == STRUCT else bytes(value)


def _list_bytes(kind: int, values: list[Any]) -> bytes:
    size = len(values)
    head = bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + varint(size)
    if kind in {TRUE, FALSE}:
        return head + bytes(values)
    return head + b"".join(_bytes(kind, value) for value in values)
