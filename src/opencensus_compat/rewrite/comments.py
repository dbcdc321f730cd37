"""Comments of a source text, of which its tree says nothing."""

from __future__ import annotations

import io
import re
import tokenize

from opencensus_compat.rewrite.edits import line_starts


def is_pragma(comment: bytes) -> bool:
    """Return whether a comment speaks to a tool about its line."""
    return re.match(rb"#\s*(?:noqa|type:|pylint:|pragma|mypy:|pyright:|isort:|ruff:|nosec|fmt:|yapf:|flake8)", comment) is not None


def comments(source: bytes) -> list[tuple[int, bytes]]:
    """Return byte and text of each comment."""
    starts = line_starts(source)
    found = []
    for token in tokenize.generate_tokens(io.StringIO(_universal(source).decode("utf-8")).readline):
        if token.type == tokenize.COMMENT:
            at = starts[token.start[0] - 1] + len(token.line[: token.start[1]].encode())
            found.append((at, token.string.encode()))
    return found


def _universal(source: bytes) -> bytes:
    # Each line end becomes one byte, which moves nothing within a line.
    return source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
