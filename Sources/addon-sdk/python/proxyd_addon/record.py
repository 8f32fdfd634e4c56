"""A JSON object as attributes, with its changes recorded."""

from __future__ import annotations

from typing import Any, Optional

from .suggest import did_you_mean

_MISSING = object()


class Record:
    """Reads return the snapshot's values, writes become part of a merge patch (RFC 7396)."""

    __slots__ = ("_children", "_data", "_patch")
    _known: Optional[frozenset] = None
    """The only fields that may be set; None: any."""

    def __init__(self, data: dict):
        set_slot(self, "_data", data)
        set_slot(self, "_patch", {})
        set_slot(self, "_children", {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self._get(name)
        if value is _MISSING:
            raise AttributeError(self._unknown(name, "", {*self._data, *self._settable()}))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        member = getattr(type(self), name, None)
        if member is not None and not (isinstance(member, property) and member.fset is None):
            object.__setattr__(self, name, value)
        elif member is not None:
            raise AttributeError(self._unknown(name, " to set", self._settable()))
        elif self._known is not None and name not in self._known:
            raise AttributeError(self._unknown(name, " to set", self._settable()))
        else:
            self._set(name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({ {**self._data, **self._patch} !r})"

    def _get(self, name: str) -> Any:
        if name in self._patch:
            return self._patch[name]
        value = self._data.get(name, _MISSING)
        return self._child(name, value) if type(value) is dict else value

    def _child(self, name: str, value: dict) -> Record:
        if name not in self._children:
            self._children[name] = Record(value)
        return self._children[name]

    def _set(self, name: str, value: Any) -> None:
        self._children.pop(name, None)
        if self._data.get(name, _MISSING) == value:
            self._patch.pop(name, None)
        else:
            self._patch[name] = value

    def _settable(self) -> set[str]:
        """The names that may be set."""
        members = {name: member for kind in type(self).__mro__ for name, member in vars(kind).items()}
        with_setter = {name for name, member in members.items() if hasattr(type(member), "__set__") and not is_slot(name, member)}
        return with_setter | set(self._data if self._known is None else self._known)

    def _unknown(self, name: str, to_do: str, names: set[str]) -> str:
        return f"{type(self).__name__} has no {name!r}{to_do}{did_you_mean(name, names, 'it has')}"

    def patch(self) -> Optional[dict]:
        """The changes as a merge patch, or None."""
        patch = dict(self._patch)
        for name, child in self._children.items():
            changes = child.patch()
            if changes:
                patch[name] = changes
        return patch or None


def is_slot(name: str, member: Any) -> bool:
    """Whether a member of a class is private, or a read-only property."""
    return name.startswith("_") or (isinstance(member, property) and member.fset is None)


set_slot = object.__setattr__


def merge_patch(before: Any, after: Any) -> Any:
    """The merge patch that turns one JSON object into another."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    patch = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            patch[name] = value
        elif before[name] != value:
            patch[name] = merge_patch(before[name], value)
    return patch
