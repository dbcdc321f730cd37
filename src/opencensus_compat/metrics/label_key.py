"""The name of a dimension of a metric."""

from __future__ import annotations


class LabelKey:
    """The name of one dimension of a metric; a time series has a `LabelValue` for each.

    Args:
        key: The name.
        description: What it stands for, for people.
    """

    def __init__(self, key: str, description: str | None) -> None:
        self._key = key
        self._description = description

    def __repr__(self) -> str:
        described = f', description="{self.description}"' if self.description else ""
        return f"{type(self).__name__}({self.key}{described})"

    @property
    def key(self) -> str:
        """The name."""
        return self._key

    @property
    def description(self) -> str | None:
        """What it stands for, for people."""
        return self._description
