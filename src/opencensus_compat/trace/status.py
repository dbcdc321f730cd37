"""How a span ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencensus_compat.trace import _grpc_codes

if TYPE_CHECKING:
    from typing_extensions import Self


class Status:
    """A gRPC code with a message for developers.

    Args:
        code: Canonical error code of gRPC, 0 (OK) to 16.
        message: What happened, in English.
        details: Further messages of the error, as dicts.
    """

    def __init__(self, code: int, message: str | None = None, details: list[Any] | None = None) -> None:
        self.code = code
        self.message = message
        self.details = details

    @property
    def canonical_code(self) -> int:
        """The code."""
        return self.code

    @property
    def description(self) -> str | None:
        """The message."""
        return self.message

    @property
    def is_ok(self) -> bool:
        """Whether the code is OK."""
        return self.canonical_code == _grpc_codes.OK

    def format_status_json(self) -> dict[str, Any]:
        """Return code, message and details, the latter two where there are any."""
        formatted: dict[str, Any] = {"code": self.canonical_code}
        if self.description is not None:
            formatted["message"] = self.description
        if self.details is not None:
            formatted["details"] = self.details
        return formatted

    @classmethod
    def from_exception(cls, exc: BaseException) -> Self:
        """Return the status UNKNOWN with the exception's text as message."""
        return cls(_grpc_codes.UNKNOWN, str(exc))

    @classmethod
    def as_ok(cls) -> Self:
        """Return a new OK status. Every span has one of its own, since programs change them in place."""
        return cls(_grpc_codes.OK)
