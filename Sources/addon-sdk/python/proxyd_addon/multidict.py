"""An ordered multi dict: the common part of headers and query parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping


class MultiDict(MutableMapping):
    """Ordered pairs of text, with duplicates.

    As a mapping it has each name once; ``get_all``, ``set_all``, ``add`` and ``items(multi=True)`` see every pair.
    """

    def __init__(self, fields: Iterable[tuple[str, str]] = ()):
        self._fields = list(fields)

    @staticmethod
    def _key(name: str) -> str:
        """The form in which names are compared."""
        return name

    @staticmethod
    def _combine(values: list[str]) -> str:
        """The single value of a name that occurs several times."""
        return values[0]

    @staticmethod
    def _text(value: object) -> str:
        """A name or value from the user, as text."""
        if isinstance(value, str):
            return value
        raise TypeError(f"must be str, not {type(value).__name__}: {value!r}")

    def _changed(self) -> None:
        """Called after each change."""

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return values[0] if len(values) == 1 else self._combine(values)

    def __setitem__(self, name: str, value: str) -> None:
        self.set_all(name, [value])

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.set_all(name, [])

    def __contains__(self, name: object) -> bool:
        try:
            key = self._key(self._text(name))
        except TypeError:
            return False
        return any(self._key(field) == key for field, _ in self._fields)

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for name, _ in self._fields:
            key = self._key(name)
            if key not in seen:
                seen.add(key)
                yield name

    def __len__(self) -> int:
        return len({self._key(name) for name, _ in self._fields})

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MultiDict):
            return self._fields == other._fields
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._fields!r})"

    def get_all(self, name: str) -> list[str]:
        """Every value of a name, in order; empty when it does not occur."""
        key = self._key(self._text(name))
        return [value for field, value in self._fields if self._key(field) == key]

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """Gives a name exactly these values, in place of the first old one."""
        name = self._text(name)
        self._fields = replace_values(self._fields, self._key, name, [self._text(value) for value in values])
        self._changed()

    def add(self, name: str, value: str) -> None:
        """Appends a pair, whatever exists already."""
        self._fields.append((self._text(name), self._text(value)))
        self._changed()

    def insert(self, index: int, name: str, value: str) -> None:
        """Inserts a pair before the one at ``index``."""
        self._fields.insert(index, (self._text(name), self._text(value)))
        self._changed()

    def items(self, multi: bool = False):  # type: ignore[override]
        """The pairs: each name once with its combined value, or with ``multi`` every pair."""
        return list(self._fields) if multi else [(name, self[name]) for name in self]


def replace_values(fields: list, key_of, name: str, values: list) -> list:
    """``fields`` with these values for ``name``, in the place and with the name of the first old one, else at the end.

    This is what the daemon does with a name in a header patch.
    """
    key = key_of(name)
    place = next((index for index, field in enumerate(fields) if key_of(field[0]) == key), len(fields))
    shown = fields[place][0] if place < len(fields) else name
    rest = [field for field in fields[place:] if key_of(field[0]) != key]
    return fields[:place] + [(shown, value) for value in values] + rest
