"""A JSON object as attributes, which remembers what was changed."""

from __future__ import annotations

from typing import Any, Optional

_MISSING = object()


class Record:
    """Reads give the snapshot's values, writes become part of a merge patch (RFC 7396)."""

    __slots__ = ("_children", "_data", "_patch")
    _known: Optional[frozenset] = None
    """The fields that may be set, where only some may."""

    def __init__(self, data: dict):
        set_slot(self, "_data", data)
        set_slot(self, "_patch", {})
        set_slot(self, "_children", {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self._get(name)
        if value is _MISSING:
            raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {', '.join(self._data)}")
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name):
            object.__setattr__(self, name, value)
        elif self._known is not None and name not in self._known:
            raise AttributeError(f"{type(self).__name__} has no {name!r} to set; it has {', '.join(sorted(self._known))}")
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

    def patch(self) -> Optional[dict]:
        """What was changed, or None."""
        patch = dict(self._patch)
        for name, child in self._children.items():
            changes = child.patch()
            if changes:
                patch[name] = changes
        return patch or None


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
