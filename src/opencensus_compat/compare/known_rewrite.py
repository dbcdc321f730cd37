"""What a rewritten file changes, between recordings with OpenTelemetry's envelopes, by the id of its row in ``migration_guide/rewrite.md``."""

from __future__ import annotations

from . import conditions
from .known import Known
from .known_shape import entries, properties
from .model import ABSENT, PRESENT, ROW

_GUIDE = "rewrite.md"
_SPANS = ("requests", "dependencies")
_NO_TEXT = r"-?[0-9.]+|None|True|False|\(.*\)|b['\"].*"
"""Keys as the text of what is no text."""

KNOWN_REWRITE: tuple[Known, ...] = (
    Known(
        "span-limits",
        entries(
            "span-limits",
            _GUIDE,
            (
                (_SPANS, "customDimensions.*", ABSENT, None, conditions.beside_as_many_properties),
                (_SPANS, "customDimensions._MS.links", None, None, conditions.more_links),
            ),
        )
        + entries(
            "span-limits",
            _GUIDE,
            ((("traces",), ROW, ABSENT, PRESENT, conditions.beside_as_many_rows),),
            {"severityLevel": "", "customDimensions.logger_name": ""},
        ),
    ),
    # What is lost is never accepted unasked.
    Known("keys-without-text", suggests=entries("keys-without-text", _GUIDE, ((_SPANS, properties(_NO_TEXT), None, ABSENT),))),
)
