"""Things that a test may start several of, and that end with the test."""

from __future__ import annotations

from typing import Any, Callable, Iterator


def started(make: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """For fixtures: yields a function that starts one more; all are closed at the end."""
    made: list[Any] = []

    def start(*arguments: Any, **settings: Any) -> Any:
        made.append(make(*arguments, **settings))
        return made[-1]

    yield start
    for each in made:
        each.close()
