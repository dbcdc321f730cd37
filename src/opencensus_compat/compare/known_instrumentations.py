"""What changes where OpenTelemetry's instrumentations take the places of OpenCensus's integrations, between recordings with OpenTelemetry's
envelopes, by the id of its row in ``migration_guide/instrumentations.md``.
"""

from __future__ import annotations

from . import conditions
from .known import Known
from .known_shape import entries, properties
from .model import ABSENT, PRESENT, ROW

_GUIDE = "instrumentations.md"
_CALLS, _REQUESTS = ("dependencies",), ("requests",)
_BELOW = ("dependencies", "exceptions", "traces", "customEvents")
"""What a request may have below it."""
_ANY = "re:(?!<absent>).*"


KNOWN_INSTRUMENTATIONS: tuple[Known, ...] = (
    Known(
        "http-clients",
        entries(
            "http-clients",
            _GUIDE,
            (
                (_CALLS, "client_Browser", "census-compat", _ANY),
                (_CALLS, "customDimensions.component", None, ABSENT),
                (_CALLS, "customDimensions.http.path", None, ABSENT, conditions.in_a_column),
                (_CALLS, "customDimensions.otel.status_description", None, None, conditions.longer),
            ),
            {"type": "HTTP"},
        )
        + entries(
            "http-clients",
            _GUIDE,
            ((("exceptions",), ROW, ABSENT, PRESENT, conditions.of_a_failure),),
            {"severityLevel": "", "customDimensions.logger_name": ""},
        ),
    ),
    Known(
        "servers",
        entries(
            "servers",
            _GUIDE,
            (
                (_REQUESTS, "client_Browser", None, _ANY),
                (_REQUESTS, properties(r"http\.(flavor|host|server_name)", r"net\.(host|peer)\.(name|ip|port)"), ABSENT, None),
                (_REQUESTS, properties(r"http\.path", r"http\.host"), None, ABSENT, conditions.in_a_column),
                (_REQUESTS, "name", None, None, conditions.route_of_the_path),
                (_REQUESTS, "operation_Name", None, None, conditions.operation_name),
                (_BELOW, "re:operation_(Name|ParentId)", None, None, conditions.route_of_the_path),
                (_REQUESTS, properties(r"django\.user\.(id|name)"), None, ABSENT),
                (("exceptions",), "details.rawStack", None, None, conditions.more_frames_of("django")),
                (("exceptions",), r"re:details\.parsedStack\..*", ABSENT, None, conditions.more_frames_of("django")),
                (
                    _REQUESTS,
                    properties(r"error\.(name|type|message)", "stacktrace"),
                    None,
                    ABSENT,
                    conditions.has("customDimensions.otel.status_description"),
                ),
                (_REQUESTS, "customDimensions.otel.status_description", None, None, conditions.longer),
            ),
        ),
    ),
)
"""In the guide's order."""
