"""Read and write Thrift's compact protocol, the encoding of Parquet's footers and page headers.

Where Arrow's reader is lenient (it truncates long numbers, accepts any kind of an empty list, and a later
field replaces an earlier one with the same id), this reader returns the same result: both must see the same
values.
"""

from collections.abc import Sequence
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, _MAP, STRUCT = range(1, 13)

MAX_STRUCTS = 500_000
MAX_DEPTH = 32
_LAST_FIELD = 32_767
_BITS = {I16: 16, I32: 32, I64: 64}
_LONG = 15
_MORE = 128
"""The bit of a byte that announces another byte of the same number."""

Struct = dict[tuple[int, int], Any]
"""Values by field id and kind; under ``RAW``, the bytes of the struct if its shape asks for them."""

Shape = dict[int, Any]
"""By field id: the shape of a struct, or a list with the shape or the kind of its elements."""

RAW = (0, 0)
WITH_RAW: Shape = {0: True}
"""The shape of a struct whose bytes are needed."""

QUICK = -1
"""In a shape: a function of the bytes and a start that returns the struct there and its end, or None."""


class ThriftError(Exception):
    """The bytes break the protocol."""


class Reader:
    """Reads structs from bytes.

    Every method raises ``ThriftError`` if the bytes break the protocol, and ``IndexError`` if they end early.
    """

    def __init__(self, data: bytes | memoryview, at: int = 0) -> None:
        self.at = at
        self._data = data
        self._structs = 0

    def struct(self, shape: Shape, depth: int = 0) -> Struct:
        """Return the struct at the position; its lists must have the kinds of elements in ``shape``."""
        self._structs += 1
        if depth > MAX_DEPTH or self._structs > MAX_STRUCTS:
            raise ThriftError("it is too deep or too long")
        if QUICK in shape and (read := shape[QUICK](self._data, self.at)):
            quick: Struct
            quick, self.at = read
            return quick
        found: Struct = {}
        start, field, data = self.at, 0, self._data
        while head := data[self.at]:
            self.at += 1
            kind, step = head & 15, head >> 4
            field = field + step if step else self._integer(I16)
            if field > _LAST_FIELD:
                raise ThriftError("it has a field that Parquet does not have")
            if kind in _BITS:
                found[field, kind] = self._integer(kind)
            else:
                value = self._value(kind, shape.get(field), depth) if kind > FALSE else kind == TRUE
                found[field, kind] = value
        self.at += 1
        if 0 in shape:
            found[RAW] = self._data[start : self.at]
        return found

    def _value(self, kind: int, shape: object, depth: int) -> object:
        if kind in _BITS:
            return self._integer(kind)
        if kind == STRUCT:
            return self.struct(shape if isinstance(shape, dict) else {}, depth + 1)
        if kind in {BINARY, DOUBLE}:
            size = self._size() if kind == BINARY else 8
            start, self.at = self.at, self.at + size
            if self.at > len(self._data):
                raise IndexError
            return self._data[start : self.at]
        if kind in {LIST, SET}:
            return self._list(shape[0] if isinstance(shape, list) and kind == LIST else None, depth)
        if kind in {TRUE, FALSE, BYTE}:
            return self._byte()
        raise ThriftError("it has a value of a kind that Parquet does not use")

    def _list(self, shape: object, depth: int) -> list[object]:
        head = self._byte()
        kind, size = head & 15, head >> 4
        size = self._size() if size == _LONG else size
        expected = STRUCT if isinstance(shape, dict) else shape
        if size and expected is not None and kind != expected:
            raise ThriftError("it has a list of the wrong kind")
        if depth > MAX_DEPTH or size > len(self._data) - self.at:
            raise IndexError
        return [self._value(kind, shape, depth + 1) for _ in range(size)]

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _size(self) -> int:
        size = self._varint() & 0xFFFFFFFF
        if size >> 31:
            raise ThriftError("it has a negative size")
        return size

    def _integer(self, kind: int) -> int:
        raw = self._varint()
        if raw < _MORE:
            return raw >> 1 ^ -(raw & 1)
        raw &= 0xFFFFFFFFFFFFFFFF if kind == I64 else 0xFFFFFFFF
        half = 1 << _BITS[kind] - 1
        return ((raw >> 1 ^ -(raw & 1)) + half) % (2 * half) - half

    def _varint(self) -> int:
        number = self._data[self.at]
        self.at += 1
        if number < _MORE:
            return number
        number -= _MORE
        for shift in range(7, 70, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < _MORE:
                return number & 0xFFFFFFFFFFFFFFFF
        raise ThriftError("it has a number without an end")


def write_varint(number: int) -> bytes:
    """Return a number from 0 up as a varint."""
    written = bytearray()
    while number >= _MORE:
        written.append(number & 127 | _MORE)
        number >>= 7
    return bytes((*written, number))


def write_integer(number: int) -> bytes:
    """Return the value of an I16, I32 or I64 field."""
    return write_varint(number << 1 ^ number >> 63)


def write_binary(value: bytes) -> bytes:
    """Return the value of a BINARY field."""
    return write_varint(len(value)) + value


def write_structs(structs: Sequence[bytes | memoryview]) -> bytes:
    """Return the value of a LIST field, from the bytes of its structs."""
    return bytes([_LONG << 4 | STRUCT]) + write_varint(len(structs)) + b"".join(structs)
