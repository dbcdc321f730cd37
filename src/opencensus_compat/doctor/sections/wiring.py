"""What a running program has made, as it was when the program ended: loggers and handlers, providers, tracers, views and exporters.

Names of classes are dotted, of facades as OpenCensus has them. Places are ``file:line``, empty where nobody saw who did it. Of keys the last
four digits are there.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Destination",
    "Exporting",
    "Filter",
    "Handler",
    "Instrumented",
    "Logger",
    "Logging",
    "Measured",
    "Metrics",
    "Processor",
    "Provider",
    "Roots",
    "Said",
    "Tracing",
    "View",
    "Wiring",
]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of a logger or handler."""

    name: str
    """Its class or function."""
    rate: float | None = None
    """Share of records that a filter of OpenCensus's lets pass; None for any other."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler of the standard library's logging."""

    name: str
    kind: str
    """``azure``: OpenCensus's for messages. ``event``: its one for events. ``otel``: one that emits OpenTelemetry records.
    Else empty: records go elsewhere."""
    level: int = 0
    level_from: str = ""
    """Place where the level was set."""
    filters: tuple[Filter, ...] = ()
    passed: tuple[tuple[int, int], ...] = ()
    """Level and number of the records that its filters let pass, where there is one beside OpenCensus's, or that samples."""
    refused: tuple[tuple[int, int], ...] = ()
    """The same of those that its filters refused."""
    key: str = ""
    """Resource that it sends to."""
    is_direct: bool = True
    """Whether it sends itself, rather than through the providers alone."""
    exempt_level: int | None = None
    """Level from which records are never sampled out."""
    identity: int = 0
    """Tells it from others of the process."""


@dataclass(frozen=True, slots=True)
class Logger:
    """A logger."""

    name: str
    """Empty for the root logger."""
    level: int = 0
    level_from: str = ""
    disabled: bool = False
    propagate: bool = True
    filters: tuple[Filter, ...] = ()
    handlers: tuple[Handler, ...] = ()
    taken: tuple[int, ...] = ()
    """Levels that it has been asked for and takes."""
    untaken: tuple[int, ...] = ()
    """Levels that it has been asked for and does not take: `info()` was called, and went nowhere."""
    passed: tuple[tuple[int, int], ...] = ()
    """Level and number of the records that its filters let pass."""
    refused: tuple[tuple[int, int], ...] = ()
    """The same of those that its filters refused."""
    is_of_program: bool = True
    """Whether no installed library has a module of its name."""


@dataclass(frozen=True, slots=True)
class Logging:
    """The tree of loggers."""

    loggers: tuple[Logger, ...]
    """The root logger first."""
    disabled_level: int = 0
    """What `logging.disable` was given; 0 where nothing is disabled."""
    disabled_from: str = ""
    loose: tuple[Handler, ...] = ()
    """Handlers of Application Insights that are on no logger."""
    record_factory: str = ""
    """Function that makes records, where it is not the standard library's."""


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor of a provider, or a reader."""

    name: str
    exporter: str = ""
    """Class of its exporter; empty where it has none."""
    key: str = ""
    """Resource of Application Insights that it sends to."""
    is_own: bool = False
    """Whether census-compat put it there."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The global provider of a signal."""

    signal: str
    name: str
    """Its class; empty where none was set."""
    whose: str = ""
    """``census-compat`` where an OpenCensus exporter made it, ``configure`` for that of `appinsights_exporter.configure`,
    ``azure-monitor-opentelemetry`` for that of `configure_azure_monitor`, else ``program``."""
    came_late: bool = False
    """Whether it was set after an OpenCensus exporter had made one."""
    sampler: str = ""
    """What its sampler says of itself."""
    processors: tuple[Processor, ...] = ()
    can_be_seen: bool = True
    """Whether its processors could be read."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A resource that exporters and handlers send to."""

    key: str
    endpoint: str
    """Scheme and host."""
    is_direct: bool
    shape: str
    signals: tuple[str, ...]
    """Those of which there was something to send."""
    has_credential: bool = False


@dataclass(frozen=True, slots=True)
class Roots:
    """Traces that tracers with one sampler began."""

    sampler: str
    rate: float | None
    """Of a ProbabilitySampler: 0.0 to 1.0."""
    sampled: int
    unsampled: int
    exporter: str
    """Class of the tracers' exporter."""
    parent: str = ""
    """``sampled`` or ``unsampled`` where a request's headers said so."""


@dataclass(frozen=True, slots=True)
class Tracing:
    """What tracers did."""

    roots: tuple[Roots, ...] = ()
    without_sampler: tuple[str, ...] = ()
    """Places where tracers were made without a sampler."""
    without_exporter: tuple[str, ...] = ()
    """The same without an exporter."""
    inside_unsampled: int = 0
    """Spans inside a span of OpenTelemetry code that is not sampled."""
    excluded: tuple[tuple[str, int], ...] = ()
    """Paths of requests that integrations left out, and how often."""
    without_tracer: tuple[tuple[str, int], ...] = ()
    """Places where spans were started by the tracer of code that has made none, outside any span, and how often."""


@dataclass(frozen=True, slots=True)
class View:
    """A registered view."""

    name: str
    measure: str
    columns: tuple[str, ...]
    series: int
    """Sets of tag values that it has measurements of."""
    untagged: tuple[str, ...] = ()
    """Columns of which no measurement had the tag."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure, as `MeasurementMap.record` was called with it."""

    name: str
    kind: str
    """Its class."""
    recorded: int = 0
    unviewed: int = 0
    """Measurements while no view of the measure was registered."""
    other: int = 0
    """Measurements while views were registered of another measure of this name."""
    negative: int = 0
    """Times that the whole map was dropped, for a value in it was below 0."""
    place: str = ""
    """Where the first of those went astray."""


@dataclass(frozen=True, slots=True)
class Exporting:
    """What exports metrics at intervals."""

    name: str
    interval_s: float
    """Infinite values do not cross a file: -1 for an export at the end alone."""
    has_views: bool
    """Whether it reads the views of `opencensus.stats`."""
    at_end: bool
    """Whether it exports once more as the process ends."""
    is_direct: bool = True


@dataclass(frozen=True, slots=True)
class Metrics:
    """Views, measurements, and who exports them."""

    views: tuple[View, ...] = ()
    measured: tuple[Measured, ...] = ()
    exporting: tuple[Exporting, ...] = ()
    registered: tuple[str, ...] = ()
    """Classes of the exporters that view managers call."""
    unstarted: tuple[str, ...] = ()
    """Those of them that export only what a thread brings, and have none."""
    unread_gauges: tuple[str, ...] = ()
    """Names of gauges in registries that nobody exports."""


@dataclass(frozen=True, slots=True)
class Instrumented:
    """A library that is traced."""

    library: str
    integration: bool
    """By an integration of OpenCensus's."""
    instrumentation: str = ""
    """By this instrumentation of OpenTelemetry's."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of this package's, or of the exporter's, in the log."""

    logger: str
    level: int
    text: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Wiring:
    """All of it, of one process."""

    pid: int
    program: str
    """What the interpreter runs."""
    age_s: float
    uses: tuple[str, ...]
    """Which of ``opencensus_compat``, ``appinsights_exporter`` and ``opentelemetry`` were imported."""
    sends: str
    """``direct``, or ``providers`` where exporters of OpenCensus send nothing themselves; empty where none was made."""
    sends_from: str
    """``environment`` or ``configure``; empty for the default."""
    adopts: bool | None
    """Whether what OpenTelemetry code makes with the program's providers is to be sent, too; None where nothing says so."""
    logging: Logging
    providers: tuple[Provider, ...]
    destinations: tuple[Destination, ...]
    tracing: Tracing
    metrics: Metrics
    instrumented: tuple[Instrumented, ...]
    said: tuple[Said, ...]
    waiting: int = 0
    """Spans and log records in the queues."""
    reported: tuple[str, ...] = ()
    """What this package reports once for each process, also where the level of its logger lets nothing pass; without values."""
