"""What the schema of Application Insights says: members, limits and names. Values only; ``schema`` checks items against them.

Source: specification sections 1 to 3.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_ITEM_BYTES = 65536
MAX_AGE_S = 48 * 3600
MAX_AHEAD_S = 2 * 3600

PROPERTY_KEY_CHARS = 150
PROPERTY_VALUE_CHARS = 8192
LONG_PROPERTY_VALUE_CHARS = 262144
LONG_PROPERTY_KEYS = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.evaluation.explanation",
    }
)
"""Properties that may hold ``LONG_PROPERTY_VALUE_CHARS`` characters."""

SEVERITY_NAMES = ("Verbose", "Information", "Warning", "Error", "Critical")
"""Severity level by position, 0..4."""

TAG_CHARS: dict[str, int] = {
    "ai.application.ver": 1024,
    "ai.cloud.location": 256,
    "ai.cloud.role": 256,
    "ai.cloud.roleInstance": 256,
    "ai.cloud.roleVer": 256,
    "ai.device.id": 1024,
    "ai.device.locale": 64,
    "ai.device.model": 256,
    "ai.device.oemName": 256,
    "ai.device.osVersion": 256,
    "ai.device.type": 64,
    "ai.internal.agentVersion": 64,
    "ai.internal.nodeName": 256,
    "ai.internal.sdkVersion": 64,
    "ai.location.city": 256,
    "ai.location.country": 256,
    "ai.location.ip": 46,
    "ai.location.province": 256,
    "ai.operation.correlationVector": 64,
    "ai.operation.id": 128,
    "ai.operation.name": 1024,
    "ai.operation.parentId": 512,
    "ai.operation.syntheticSource": 1024,
    "ai.session.id": 64,
    "ai.session.isFirst": 5,
    "ai.user.accountId": 1024,
    "ai.user.authUserId": 1024,
    "ai.user.id": 128,
    # Not in the schema, yet sent by the official exporter and read by the service; the limit is that of its siblings.
    "ai.user.userAgent": 1024,
}
"""Known context tags and their limits, characters."""


@dataclass(frozen=True, slots=True)
class Field:
    """What the schema says of one member of an object."""

    kind: str
    """How it is checked: a key of ``schema.CHECKS``."""
    chars: int = 0
    """Limit of a text, characters; 0 when the kind has none."""
    required: bool = False


class Shape:
    """What the schema says of one kind of object."""

    __slots__ = ("fields", "required")

    def __init__(self, **fields: Field) -> None:
        self.fields = fields
        """Known members by name."""
        self.required = tuple((name, field) for name, field in fields.items() if field.required)
        """Those that must be there."""


def _text(chars: int, *, required: bool = False) -> Field:
    return Field("text", chars, required)


_COMMON = {"ver": Field("version", required=True), "properties": Field("properties"), "measurements": Field("measurements")}

BASE_TYPES: dict[str, Shape] = {
    "RequestData": Shape(
        **_COMMON,
        id=_text(512, required=True),
        name=_text(1024),
        duration=Field("timespan", required=True),
        responseCode=_text(1024, required=True),
        success=Field("flag", required=True),
        source=_text(1024),
        url=_text(2048),
    ),
    "RemoteDependencyData": Shape(
        **_COMMON,
        id=_text(512),
        name=_text(1024, required=True),
        resultCode=_text(1024),
        duration=Field("timespan", required=True),
        success=Field("flag"),
        data=_text(8192),
        type=_text(1024),
        target=_text(1024),
    ),
    "ExceptionData": Shape(
        **_COMMON,
        exceptions=Field("exceptions", required=True),
        severityLevel=Field("severity"),
        problemId=_text(1024),
    ),
    "MessageData": Shape(**_COMMON, message=_text(32768, required=True), severityLevel=Field("severity")),
    "EventData": Shape(**_COMMON, name=_text(512, required=True)),
    "MetricData": Shape(ver=_COMMON["ver"], properties=_COMMON["properties"], metrics=Field("metrics", required=True)),
    "AvailabilityData": Shape(
        **_COMMON,
        id=_text(512, required=True),
        name=_text(1024, required=True),
        duration=Field("timespan", required=True),
        success=Field("flag", required=True),
        runLocation=_text(1024),
        message=_text(8192),
    ),
    "PageViewData": Shape(
        **_COMMON,
        id=_text(512),
        name=_text(1024, required=True),
        url=_text(2048),
        duration=Field("timespan"),
        referrerUri=_text(2048),
    ),
    "PerformanceCounterData": Shape(
        ver=_COMMON["ver"],
        properties=_COMMON["properties"],
        categoryName=_text(1024, required=True),
        counterName=_text(1024, required=True),
        instanceName=_text(1024),
        value=Field("number", required=True),
    ),
}
"""Members of ``data.baseData`` by ``data.baseType``."""

ENVELOPE_NAMES: dict[str, str] = {base_type: "Microsoft.ApplicationInsights." + base_type.removesuffix("Data") for base_type in BASE_TYPES}
"""Envelope name that belongs to each base type."""

ENVELOPE = Shape(
    ver=Field("int32"),
    name=_text(1024, required=True),
    time=Field("time", required=True),
    sampleRate=Field("rate"),
    seq=_text(64),
    iKey=_text(40),
    flags=Field("number"),
    tags=Field("tags"),
    data=Field("data", required=True),
)
DATA = Shape(baseType=_text(1024, required=True), baseData=Field("object", required=True))
EXCEPTION_DETAILS = Shape(
    id=Field("int32"),
    outerId=Field("int32"),
    typeName=_text(1024, required=True),
    message=_text(32768, required=True),
    hasFullStack=Field("flag"),
    stack=_text(32768),
    parsedStack=Field("frames"),
)
STACK_FRAME = Shape(
    level=Field("int32", required=True),
    method=_text(1024, required=True),
    assembly=_text(1024),
    fileName=_text(1024),
    line=Field("int32"),
)
DATA_POINT = Shape(
    ns=_text(256),
    name=_text(1024, required=True),
    kind=Field("point_kind"),
    value=Field("number", required=True),
    count=Field("int32"),
    min=Field("number"),
    max=Field("number"),
    stdDev=Field("number"),
)
