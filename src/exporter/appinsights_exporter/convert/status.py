"""Whether a span succeeded, and the code that it ended with."""

from __future__ import annotations

from opentelemetry.trace import StatusCode

from .limits import MAX_CODE, required, text
from .peers import take

NO_CODE = "0"
_NEW_CODE, _OLD_CODE = "http.response.status_code", "http.status_code"
_ERROR, _OK = StatusCode.ERROR, StatusCode.OK


def success(status: StatusCode, code: int | None) -> bool:
    """Return whether a span counts as successful.

    Args:
        status: The span's status; ERROR never succeeds, OK always does.
        code: HTTP status code, or None; from 400 on it fails a span whose status is UNSET.
    Source: specification sections 4.3 (DO) and 15 number 24.
    """
    if status is _ERROR:
        return False
    return code is None or code < 400 or status is _OK


def http_code(attributes: dict[str, object]) -> tuple[str, int | None]:
    """Take the HTTP status code out of the attributes: its text and number, or ``("0", None)`` when there is none.

    A value that is no number stays among the attributes, to become a property.
    """
    key = _NEW_CODE if _NEW_CODE in attributes else _OLD_CODE
    value = attributes.get(key)
    if type(value) is int and 0 < value < 1000:
        # Nearly all, and no question below has another answer for them.
        del attributes[key]
        if key is _NEW_CODE and attributes.get(_OLD_CODE) == value:
            del attributes[_OLD_CODE]
        return str(value), value
    try:
        code = int(value)  # type: ignore[call-overload]  # a value of any type; what int() refuses is caught
    except (TypeError, ValueError, OverflowError):
        return NO_CODE, None
    if code == 0 or value is True:
        return NO_CODE, None
    del attributes[key]
    if attributes.get(_OLD_CODE) == value:
        del attributes[_OLD_CODE]
    return str(code)[:MAX_CODE], code


def rpc_code(attributes: dict[str, object]) -> str:
    """Take the RPC status code out of the attributes, or return ``"0"``, also for an empty one: the service refuses a request without."""
    value = take(attributes, "rpc.response.status_code", "rpc.grpc.status_code")
    return NO_CODE if value is None else required(text(value), MAX_CODE, NO_CODE)
