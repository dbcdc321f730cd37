"""Items on their way from conversion to encoding, in their order: neighbours of one form are encoded together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .delivery import encode
from .foreign import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["TOGETHER", "ItemGroups", "WrittenItems"]

TOGETHER = 32
"""Items that are handed over at a time: each alone took a tenth of an item's time. Many more at a time would need new memory."""


class ItemGroups:
    """The items of one export that are made and not yet handed over.

    Their three forms are JSON that is written, envelopes of plain values, and bytes. At any time at most one of the three lists holds items:
    those that come after all that is encoded.

    Args:
        not_encoded: Called with the error of each envelope that cannot be encoded.
    """

    __slots__ = ("_brought", "_encoded", "_envelopes", "_not_encoded", "_texts")

    def __init__(self, not_encoded: Callable[[BaseException], None]) -> None:
        self._not_encoded = not_encoded
        self._texts: list[str] = []
        self._envelopes: list[Mapping[str, object]] = []
        self._brought: list[bytes] = []
        self._encoded: list[bytes | encode.Together] = []

    @property
    def are_full(self) -> bool:
        """Whether it is time to hand over what there is."""
        return len(self._texts) >= TOGETHER or len(self._envelopes) >= TOGETHER or len(self._brought) >= TOGETHER

    def add_texts(self, texts: Sequence[str]) -> None:
        """Add items that are written as JSON."""
        if self._envelopes or self._brought:
            self._encode()
        self._texts += texts

    def add_envelopes(self, envelopes: Sequence[Mapping[str, object]]) -> None:
        """Add items whose values this package alone has made."""
        if self._texts or self._brought:
            self._encode()
        self._envelopes += envelopes

    def bytes_list(self) -> list[bytes]:
        """Return the list to which items are to be added that are encoded one by one."""
        if self._texts or self._envelopes:
            self._encode()
        return self._brought

    def take(self) -> list[bytes | encode.Together]:
        """Return all items, encoded, and begin anew."""
        self._encode()
        taken, self._encoded = self._encoded, []
        return taken

    def _encode(self) -> None:
        """Encode what there is in one go; one by one where that is refused."""
        if self._texts:
            self._encoded.append(encode.written(self._texts))
            self._texts.clear()
        if self._brought:
            self._encoded += encode.brought(self._brought)
            self._brought.clear()
        if not self._envelopes:
            return
        together = encode.together(self._envelopes)
        if together is not None:
            self._encoded.append(together)
        else:
            for envelope in self._envelopes:
                try:
                    self._encoded.append(encode.item(envelope, are_numbers_finite=True))
                except failure() as error:  # One item must not lose the others, whatever is in it.
                    self._not_encoded(error)
        self._envelopes.clear()


class WrittenItems:
    """The items of the next pieces of telemetry, as far as they were written as JSON in one go; None in the place of each other piece."""

    __slots__ = ("_start", "_texts")

    def __init__(self) -> None:
        self._texts: Sequence[str | None] = ()
        self._start = 0

    def are_over(self, index: int) -> bool:
        """Return whether nothing is known of the piece at an index."""
        return index >= self._start + len(self._texts)

    def begin(self, index: int, texts: Sequence[str | None]) -> None:
        """Note the items of the pieces from an index on."""
        self._start, self._texts = index, texts

    def ready(self, index: int) -> Sequence[str]:
        """Return the items from an index on that are written, up to the first that is not, and no more than are handed over at a time."""
        at = index - self._start
        found = self._texts[at : at + TOGETHER]
        return found[: found.index(None)] if None in found else found  # type: ignore[return-value]  # none is missing
