"""What README.md says about speed: a table and a chart, written from the rows of a run.

``make bench KEEP=1`` writes ``figures.json``, the chart, and the table in README.md; a test holds the three against each other.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from html import escape
from pathlib import Path

from rows import Row

FOLDER = Path(__file__).resolve().parent
FIGURES = FOLDER / "figures.json"
README = FOLDER.parent / "README.md"
CHART = FOLDER.parent / "migration_guide" / "images" / "speed.svg"
BEGIN, END = "<!-- speed: written by make bench KEEP=1 -->\n", "<!-- end of speed -->\n"

STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.other{fill:#d0d7de}.retired{fill:#0969da}.official{fill:#8250df}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.other{fill:#30363d}.retired{fill:#4493f8}.official{fill:#ab7df8}}"
)
HEADLINES = {
    "bench_span: root, of legacy": ("a span that is sampled", "the retired SDK"),
    "bench_span: unsampled, of legacy": ("a request that is not sampled", "the retired SDK"),
    "bench_logs: args, of legacy": ("a log record, in the thread that logs it", "the retired SDK"),
    "bench_stats: count, of legacy": ("a measurement with one view", "the retired SDK"),
    "bench_requests: flask, of legacy": ("a request of Flask, all in all", "the retired SDK"),
    "bench_requests: django, of legacy": ("a request of Django, all in all", "the retired SDK"),
    "bench_requests: fastapi, of legacy": ("a request of FastAPI, all in all", "the retired SDK"),
    "bench_convert: span of OpenCensus, CPU, of legacy": ("a span to compressed bytes", "the retired SDK"),
    "bench_convert: span of OpenCensus, bytes, of legacy": ("bytes that are sent for a span", "the retired SDK"),
    "bench_import: import trace_exporter, of legacy": ("import of the trace exporter", "the retired SDK"),
    "bench_convert: span of OpenTelemetry, CPU, of official": ("a span to compressed bytes", "the official exporter"),
    "bench_convert_logs: record of OpenTelemetry, CPU, of official": ("a record to compressed bytes", "the official exporter"),
    "bench_metrics_export: series, CPU, of official": ("a time series to compressed bytes", "the official exporter"),
}
"""Row -> what it is in README's words, and beside whom."""

RATES = {
    "bench_delivery: census-compat, items/s, of legacy": ("accepted items a second", "the retired SDK"),
    "bench_delivery: native, items/s, of official": ("accepted items a second", "the official exporter"),
}
"""The same for rows where more is better."""


def dumped(rows) -> str:
    """Return rows as JSON, a line for each, so that two runs can be compared by eye."""
    return "[\n" + ",\n".join(json.dumps(asdict(row)) for row in rows) + "\n]\n"


def shown(rows) -> list[tuple[str, str, Row]]:
    """Return what README shows: what, beside whom, and the row."""
    by_name = {row.name: row for row in rows}
    return [(*words, by_name[name]) for name, words in (HEADLINES | RATES).items()]


def percent(row: Row) -> str:
    """Return a ratio as people say it: ``49 %`` of the time, ``5.2 times`` the rate."""
    if row.at_least:
        return f"{row.best:.1f} times"
    return f"{row.best:.0%}".replace("%", " %") if row.best >= 0.1 else f"{row.best * 100:.1f} %"


def table(rows) -> str:
    """Return the table of README."""
    lines = ["| what | beside | takes | target |\n", "|---|---|---|---|\n"]
    for what, peer, row in shown(rows):
        limit = f"≥ {row.limit:.3g} times" if row.at_least else f"≤ {row.limit * 100:.3g} %"
        lines.append(f"| {what} | {peer} | {percent(row)} | {limit} |\n")
    return "".join(lines)


def chart(rows) -> str:
    """Return the chart: a bar for each ratio below one, of which the whole width is the other package."""
    bars = [each for each in shown(rows) if not each[2].at_least]
    left, width, step, top = 300, 360, 24, 40
    height = top + step * len(bars) + 10
    size = f"0 0 {left + width + 80} {height}"
    label = "CPU time and bytes of census-compat, of what the other packages take"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" role="img" aria-label="{label}">\n',
        f"<style>{STYLE}</style>\n",
        f'<text x="{left}" y="16">of the retired SDK (blue), of the official exporter (violet)</text>\n',
        f'<text x="{left + width}" y="32" text-anchor="end">100 %</text>\n',
    ]
    for at, (what, peer, row) in enumerate(bars):
        y = top + step * at
        kind = "retired" if peer == "the retired SDK" else "official"
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(what)}</text>'
            f'<rect class="other" x="{left}" y="{y}" width="{width}" height="16"/>'
            f'<rect class="{kind}" x="{left}" y="{y}" width="{max(1.0, width * min(1.0, row.best)):.1f}" height="16"/>'
            f'<text x="{left + width + 8}" y="{y + 13}">{percent(row)}</text>\n'
        )
    return "".join(parts) + "</svg>\n"


def in_readme(text: str, rows) -> str:
    """Return README with the table of these rows."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table(rows) + END + after


def write(rows) -> None:
    """Keep the figures of a run, and write the chart and README's table from them."""
    FIGURES.write_text(dumped(rows))
    CHART.write_text(chart(rows))
    README.write_text(in_readme(README.read_text(), rows))
