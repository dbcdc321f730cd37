"""Messages that the guide quotes, in whatever page: the source says them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import opentelemetry.sdk
import pytest

from appinsights_exporter import _sdk_logs

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "migration_guide").glob("*.md"))]
_OF_OTHERS = Path(opentelemetry.sdk.__path__[0])
"""Messages of OpenTelemetry's are quoted, too."""
_OWN_TEST = "losses.md"
"""Its reasons are held by `test_losses_has_every_reason`, with those that are put together."""
_NO_MESSAGES = {"12, now 14", "GET /stock http send", "promtool test rules", "compare --accept-known shape", "git restore .", "DO NOT EDIT"}
"""What looks like a message, and is a command, a name or a text of the tools."""


@cache
def _texts() -> tuple[str, str]:
    """Return the source with the texts of several lines joined, and the same with what varies in them as `…`. To parse it would take seconds."""
    files = [*sorted((REPOSITORY / "src").rglob("*.py")), *sorted(_OF_OTHERS.rglob("*.py"))]
    text = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in files))
    return text, re.sub(r"%\(?\w*\)?[a-z]|\{[^{}]*\}", "…", text)


def _quoted(page: Path) -> list[str]:
    """Return what a page quotes that reads like a sentence: three words or more, and neither code nor what commands print in it."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", prose)
    return [
        span
        for span in spans
        if len(re.findall(r"[A-Za-z]{2,}", span)) >= 3
        and " " in span.strip() == span
        and not re.search(
            r"\d{3}|:\d|\.py\b|[=|{}\[\]<>$\\*@]|\w\(|--|^(?:census-compat|pip|%pip|python|make|flask|apt-get|opentelemetry-instrument|from|import|RUN|class:|grep) ",
            span,
        )
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != _OWN_TEST], ids=lambda page: page.name)
def test_quoted_messages_are_said(page: Path) -> None:
    """Between its dots, each message is a text of this package's source, or of the OpenTelemetry SDK's."""
    text, with_dots = _texts()

    def is_said(part: str) -> bool:
        # The SDK's own messages are quoted with a value in the place of what varies.
        return part in text or re.sub(r"\w+\.$", "….", part) in with_dots

    missing = [
        quoted
        for quoted in _quoted(page)
        for part in (part.strip() for part in re.split(r"…|\.\.\.", quoted))
        if part.strip(": ()") and quoted not in _NO_MESSAGES and not is_said(part)
    ]
    # Older releases of OpenTelemetry say some of theirs with other words.
    assert missing == [] or not _sdk_logs.KEEPS_MAPPINGS


def test_messages_are_found() -> None:
    """Pages quote messages, which the test sees."""
    assert sum(len(_quoted(page)) for page in PAGES) >= 60
