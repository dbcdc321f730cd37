"""Which uses a report is about: areas of OpenCensus, and classes of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.scan.rules import rule_of

if TYPE_CHECKING:
    from opencensus_compat.scan.findings import Use

AREAS = ("trace", "log", "stats", "config", "query", "package")
"""Spans with their integrations and exporters; log records; measures, metrics and tags; settings; saved queries; packages."""

_BY_LETTER = {"T": "trace", "W": "trace", "V": "trace", "L": "log", "S": "stats", "M": "stats", "Q": "query", "R": "package"}
_CONFIG = frozenset({"A003", "A004", "A005", "N001", "N003", "N005", "W018"})
_BY_MODULE = {"log": "log", "stats": "stats", "metrics": "stats", "tags": "stats"}
_EXPORTERS = {"ext.azure.log_exporter": "log", "ext.azure.metrics_exporter": "stats", "ext.prometheus": "stats", "ext.logging": "log"}
_ANY = frozenset({"F001", "F002"})
"""Files that are read by lines may have uses of any area."""


def areas(use: Use) -> frozenset[str]:
    """Return the areas that a use belongs to."""
    if use.rule_id in _ANY:
        return frozenset(AREAS)
    if use.rule_id in _CONFIG or (not use.path.endswith((".py", ".pyi", ".pyw", ".ipynb")) and use.rule_id[0] not in "QR"):
        return frozenset({"config"})
    if use.rule_id[0] in "QRTLSM":
        return frozenset({_BY_LETTER[use.rule_id[0]]})
    exporter = next((area for start, area in _EXPORTERS.items() if f"{use.symbol}.".startswith(f"{start}.")), None)
    if exporter is not None:
        return frozenset({exporter})
    module = use.symbol.partition(".")[0]
    if module in _BY_MODULE:
        return frozenset({_BY_MODULE[module]})
    rule = rule_of(use.symbol) or use.rule
    return frozenset({_BY_LETTER.get(rule.id[0], "trace")})
