"""What must hold for a difference to be one that a row of the guide tells: that nothing is lost, but stands elsewhere or in other words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from .metrics import PER_INTERVAL
from .model import ABSENT, NOTE
from .noise import column as column_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Condition, Values

_PROPERTY = "customDimensions."
_COLUMNS = (
    *("target", "data", "type", "name", "resultCode", "url", "source"),
    *("user_Id", "user_AuthenticatedId", "session_Id", "client_Browser", "operation_SyntheticSource", "client_IP"),
)
"""Those that an attribute may fill."""
_NOTHING = {"", "0", "False", "None"}
_LONGEST = 32768
_MOST = 32
"""Attributes, annotations and links that a span of OpenCensus keeps, the last ones each."""
_FRAME = re.compile(r'File ".*", line \d+, in .*')
_REQUEST = re.compile(r"<id of requests '(.*)'>")
_PARAMETER = re.compile(r"(\{[^}]*\}|<[^>]*>)")
_TRACEBACK = "\nTraceback (most recent call last):"


def is_column(name: str) -> Condition:
    """Return a condition: another column has after what this one had before."""
    return lambda values: values.item_after.get(name, "") == values.before


def has(name: str) -> Condition:
    """Return a condition: the item after has something in a column."""
    return lambda values: bool(values.item_after.get(name))


def has_no(name: str) -> Condition:
    """Return a condition: the item after has nothing in a column."""
    return lambda values: not values.item_after.get(name)


def is_per_interval(values: Values) -> bool:
    """Return whether a series has what there was since the last export, and had what there was since the start."""
    return values.item_after.get(NOTE) == PER_INTERVAL


def in_a_column(values: Values) -> bool:
    """Return whether the value of a property is in a column now."""
    return any(values.before in values.item_after.get(column, "") for column in _COLUMNS)


def of_properties(values: Values) -> bool:
    """Return whether a column has what properties had, several of them with separators between."""
    known = {text for item in (values.item_before, values.item_after) for name, text in item.items() if name.startswith(_PROPERTY)}
    # A property may be a tuple with parts of it, or have it as one of its parts, and so may the name.
    words = {word for text in (*known, values.item_before.get("name", "")) for word in _parts(text)}
    return values.after in known or all(part in known or part in words for part in re.split(r"[|/:]", values.after))


def _parts(text: str) -> list[str]:
    return [part.strip("' ") for part in text[1:-1].split(",")] if text.startswith("(") else [*text.split("/"), *text.split(".")]


def of_a_property(name: str) -> Condition:
    """Return a condition: a column has what a property had, where that was there to see."""
    return lambda values: values.item_before.get(_PROPERTY + name, values.after) == values.after


def request_name(values: Values) -> bool:
    """Return whether a name is method and route or path, or the operation, where no method was there to name it by."""
    said = values.item_before.get(f"{_PROPERTY}request.name", "")
    if said and values.after in (said, f"{values.before} {_path(values.item_before.get('url', ''))}"):
        return True
    # The method alone, the route alone, or nothing: where no path says more, the request has the name of its span.
    is_part = not values.before.strip() or re.fullmatch(r"\S+| /.*", values.before) is not None
    return is_part and bool(values.after)


def call_name(values: Values) -> bool:
    """Return whether a call has the method and path, where it had no path, or the name of its span."""
    had_no_path = values.after == f"{values.before.rstrip()} /"
    return had_no_path or (values.item_after.get("type") == "HTTP" and not values.item_after.get("data") and values.after.endswith(" /"))


def stays_unread(attribute: str) -> Condition:
    """Return a condition: the value, or the host in it, stands in an attribute now, since no method says that it is one of HTTP."""
    return lambda values: bool(values.before) and values.before in values.item_after.get(_PROPERTY + attribute, "")


def has_error(values: Values) -> bool:
    """Return whether the item says what it failed with."""
    return any(values.item_after.get(_PROPERTY + name) for name in ("error.name", "error.message", "otel.status_description"))


def plain_host(values: Values) -> bool:
    """Return whether a host became one of small letters, and lost what is no port."""
    return values.before.lower().partition(":")[0] == values.after


def of_a_stack(values: Values) -> bool:
    """Return whether a new exception stands for a stack trace that a program set on a span: it has no type."""
    return values.item_after.get("outerType") == "Exception"


def _path(url: str) -> str:
    found = re.match(r"\w+://[^/?#]*([^?#]*)", url)
    return (found[1] if found else "") or "/"


def operation_name(values: Values) -> bool:
    """Return whether an operation has the name of its request."""
    return values.item_after.get("name") == values.after


def route_of_the_path(values: Values) -> bool:
    """Return whether the path of a request's name became the route that it is of; also of the request that an item is below.

    Routes of Django begin with no slash.
    """
    before, after = (_REQUEST.sub(r"\1", text) for text in (values.before, values.after))
    method, _, route = after.partition(" ")
    plain, is_pattern, pattern = route.partition("^")
    parts = _PARAMETER.split(plain)
    wanted = "".join(re.escape(part) if at % 2 == 0 else ".+" if "path" in part else "[^/?]+" for at, part in enumerate(parts))
    if is_pattern:
        # Of `re_path`, also below others of its kind; without an end it fits what is longer, too.
        found = re.sub(r"(?<!\[)\^", "", pattern)
        wanted += f"(?:{found})" if found.endswith(("$", r"\Z")) else f"(?:{found}).*"
    is_bare = not route.startswith("/") and before.startswith(f"{method} /")
    try:
        is_it = re.fullmatch(f"{re.escape(method)} {'/' * is_bare}{wanted}", before) is not None
    except re.error:
        return False
    return is_it and (len(parts) > 1 or is_bare)


def longer(values: Values) -> bool:
    """Return whether a text came, or has more before what it was."""
    return values.before == ABSENT or values.after.endswith(values.before)


def path_parameters(values: Values) -> bool:
    """Return whether a name has the parameters of its path's last part as well."""
    return re.sub(r";[^/]*$", "", values.after) == values.before


def redacted(values: Values) -> bool:
    """Return whether only values in the query of a URL became REDACTED."""
    return re.fullmatch(re.escape(values.after).replace("REDACTED", "[^&#]*"), values.before) is not None


def same_value(values: Values) -> bool:
    """Return whether two texts are the same value: a number, a list, a mapping, true and false."""
    return _value(values.before) == _value(values.after)


def _value(text: str) -> object:
    for _ in range(3):  # a JSON text in quotation marks
        try:
            found = json.loads(text)
        except ValueError:
            return text
        if not isinstance(found, str):
            return str(found) if isinstance(found, bool) else found
        text = found
    return text


def below_a_counterpart(values: Values) -> bool:
    """Return whether a new item is below one that was there before."""
    return bool(values.item_before)


def beside_as_many_properties(values: Values) -> bool:
    """Return whether a new property is one of an item that had as many before as a span of OpenCensus keeps."""
    return sum(name.startswith(_PROPERTY) for name in values.item_before) >= _MOST


def beside_as_many_rows(values: Values) -> bool:
    """Return whether a new row is below an item that had as many below it before as a span of OpenCensus keeps."""
    return int(values.item_before.get(NOTE, "0")) >= _MOST


def more_links(values: Values) -> bool:
    """Return whether a span has further links, beside as many as one of OpenCensus keeps."""
    before, after = _value(values.before), _value(values.after)
    return isinstance(before, list) and isinstance(after, list) and len(before) >= _MOST and all(link in after for link in before)


def of_a_failure(values: Values) -> bool:
    """Return whether a new exception is below an item that had failed before as well."""
    return values.item_before.get("success") == "False"


def stays_a_property(values: Values) -> bool:
    """Return whether the message of an exception that is gone is a property of its request."""
    message = values.item_before.get("message")
    said = values.item_after.get(f"{_PROPERTY}error.message", "")
    # "Exception" stands for one that is empty, or nothing.
    return bool(message) and (said == message or (message == "Exception" and said in _NOTHING))


def frames_stay(values: Values) -> bool:
    """Return whether each line of a stack is there after, too."""
    return set(_FRAME.findall(values.before)) <= set(_FRAME.findall(values.after))


def more_frames_of(package: str) -> Condition:
    """Return a condition: each line of the item's stack is there after, too, and those that came are of a package."""

    def condition(values: Values) -> bool:
        before, after = (set(_FRAME.findall(_stack(item))) for item in (values.item_before, values.item_after))
        return before < after and all(re.search(rf"[/\\]{package}[/\\]", frame) for frame in after - before)

    return condition


def _stack(item: Mapping[str, str]) -> str:
    return "\n".join(value for name, value in item.items() if column_of(name) == "details.rawStack")


def had_no_cause(values: Values) -> bool:
    """Return whether only the outermost exception was known."""
    name = values.column.removeprefix("innermost")
    return values.before in (ABSENT, values.item_before.get(f"outer{name}"))


def without_traceback(values: Values) -> bool:
    """Return whether a text lost its traceback, and a stack has that."""
    text, found, traceback = _unquoted(values.before).partition(_TRACEBACK)
    stacks = _stack(values.item_after)
    # "Exception" stands for an empty message.
    is_same = _unquoted(values.after).strip() == text.strip() or (values.after == "Exception" and not text.strip())
    # What is too long ends, or begins, in the midst of a frame.
    is_cut = max(len(values.before), len(stacks)) >= _LONGEST
    return bool(found) and is_same and (is_cut or set(_FRAME.findall(traceback)) <= set(_FRAME.findall(stacks)))


def _unquoted(text: str) -> str:
    try:
        found = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return text
    return found if isinstance(found, str) else text
