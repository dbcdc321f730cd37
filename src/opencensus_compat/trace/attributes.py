"""Attributes of a span, an annotation or a link."""

from __future__ import annotations

from typing import Any

from opencensus_compat.common import utils


class Attributes:
    """A mutable mapping of names to values.

    Args:
        attributes: The first attributes. A mapping that is not empty is kept, not copied, as in OpenCensus.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/attributes.py#L45.
    """

    def __init__(self, attributes: dict[str, Any] | None = None) -> None:
        self.attributes = attributes or {}

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute."""
        self.attributes[key] = value

    def delete_attribute(self, key: str) -> None:
        """Remove an attribute, if it is there."""
        self.attributes.pop(key, None)

    def get_attribute(self, key: str) -> Any:
        """Return an attribute's value, None when it is not there."""
        return self.attributes.get(key)

    def format_attributes_json(self) -> dict[str, dict[str, Any]]:
        """Return the attributes by name, each value under the name of its type.

        Loses:
            What exceeds 128 bytes of a name or a text, and every value that is not bool, int, str or float.
        """
        formatted = {}
        for key, value in self.attributes.items():
            typed = _typed(value)
            if typed is not None:
                formatted[utils.check_str_length(key)[0]] = typed
        return {"attributeMap": formatted}


def _typed(value: Any) -> dict[str, Any] | None:
    # bool before int: every bool is an int.
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value}
    if isinstance(value, str):
        return {"string_value": utils.get_truncatable_str(value)}
    if isinstance(value, float):
        return {"double_value": value}
    return None
