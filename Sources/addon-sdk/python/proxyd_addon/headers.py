"""Header fields (RFC 9110, section 5), with order, case, duplicates and bytes outside UTF-8 as on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional, Union

from . import wire
from .multidict import MultiDict, replace_values


class Headers(MultiDict):
    """A case-insensitive, ordered multi dict of header fields.

    ``headers["x"]`` joins several values with ``", "``; bytes outside UTF-8 show as surrogate escapes.
    """

    _key = staticmethod(str.lower)
    _combine = staticmethod(", ".join)

    def __init__(self, fields: Union[Iterable[tuple], dict] = ()):
        pairs = fields.items() if isinstance(fields, dict) else fields
        super().__init__((self._text(name), self._text(value)) for name, value in pairs)

    @classmethod
    def from_wire(cls, pairs: list) -> Headers:
        """The headers of a snapshot."""
        headers = cls.__new__(cls)
        headers._fields = [
            (name, value) if type(name) is str and type(value) is str else (wire.to_text(name), wire.to_text(value))
            for name, value in pairs
        ]
        return headers

    @staticmethod
    def _text(value: Any) -> str:
        return wire.as_text(value, "a header name or value")

    @property
    def fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """Every field as bytes, in wire order."""
        return tuple((encode(name), encode(value)) for name, value in self._fields)

    def to_wire(self) -> list:
        """All fields, for a patch that replaces the whole list."""
        return [[wire.from_text(name), wire.from_text(value)] for name, value in self._fields]

    def copy(self) -> Headers:
        """An independent copy with the same fields."""
        return Headers(self._fields)

    def patch_from(self, original: Headers) -> Optional[Union[dict, list]]:
        """The smallest patch that turns ``original`` into these: None, the names that differ, or the whole list."""
        if self._fields == original._fields:
            return None
        old, new = original._grouped(), self._grouped()
        changes = [item for key, item in new.items() if key not in old or old[key][1] != item[1]]
        changes += [(name, []) for key, (name, _) in old.items() if key not in new]
        if not self._follows(original, changes):
            return self.to_wire()
        return {name: patch_value(values) for name, values in changes}

    def _grouped(self) -> dict[str, tuple[str, list[str]]]:
        groups: dict[str, tuple[str, list[str]]] = {}
        for name, value in self._fields:
            groups.setdefault(name.lower(), (name, []))[1].append(value)
        return groups

    def _follows(self, original: Headers, changes: list) -> bool:
        """Whether setting only the changed names results in these fields, with the same order and case."""
        fields = original._fields
        for name, values in changes:
            if not name.isascii():
                return False
            fields = replace_values(fields, str.lower, name, values)
        return fields == self._fields


def encode(text: str) -> bytes:
    """The bytes of a header name or value."""
    return text.encode("utf-8", "surrogateescape")


def patch_value(values: list[str]) -> Any:
    """A name's new values in the object form of a header patch."""
    if not values:
        return None
    encoded = [wire.from_text(value) for value in values]
    return encoded[0] if len(encoded) == 1 else encoded
