"""Which request of a browser gets which answer: the page, one of its files, or a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exchange import Answer
from .assets import asset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .api import Pages

HOME = "/_ui/"
_QUESTIONS = "/_api/"


class Site:
    """The pages as the server knows them."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def page(self, method: str, target: str, body: bytes) -> Answer:
        """Answer a request for a page, one of its files, or what it shows."""
        if target.startswith(_QUESTIONS):
            return self._pages.answer(method, target.removeprefix(_QUESTIONS), body)
        path, _, query = target.partition("?")
        if path in ("/", HOME.rstrip("/")):
            return Answer(302, b"", {"Location": HOME + (query and f"?{query}")})
        return asset(path.removeprefix(HOME)) or Answer(404, b'{"error":"no such page"}')

    def events(self, wait: Callable[[float], bool]) -> Iterator[bytes]:
        """Yield the stream of events until ``wait``, given seconds, returns True."""
        return self._pages.events(wait)
