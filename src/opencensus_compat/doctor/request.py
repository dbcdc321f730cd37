"""What is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Request"]


def _nothing(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be looked at, and how."""

    environ: Mapping[str, str] = field(repr=False)
    """The environment of the program."""
    folder: str
    """Where the program is started; empty where that is gone."""
    path: tuple[str, ...] = ()
    """What the program has as ``sys.path``: its folder comes first."""
    inside: bool = False
    """Whether the facts are collected in the program itself, as it ends."""
    offline: bool = True
    """Whether nobody is to be contacted."""
    goes_to: str = ""
    """Base URL that the program was seen to send to, whatever its environment says; empty where none was seen."""
    send: bool = False
    """Whether a test item is to be sent."""
    tell: Callable[[str], None] = field(default=_nothing, repr=False, compare=False)
    """Called with the name of each host before that is contacted."""
    counts: str | None = None
    """File of counts to look at, or what files of counts are named after; None for none."""
    pid: int | None = None
    """Process whose counts to look at."""
