"""The code blocks of the README and of the migration guide run as they stand.

Blocks marked ``python`` and ``sh`` do; what cannot run here, such as an installation, is marked ``console``.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from runpy import run_path

import pytest
from opentelemetry.sdk import version as sdk_version
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from appinsights_exporter import counts, reasons, self_metrics
from appinsights_exporter.convert.urls import SECRET_KEYS
from appinsights_exporter.delivery import classify
from appinsights_exporter.reasons import Reason
from appinsights_exporter.settings import resolve
from opencensus_compat._bridge.pipeline import hand_over as _handover
from opencensus_compat._bridge.pipeline import part as _part
from opencensus_compat.ext.azure.common import Options
from opencensus_compat.local import LocalEndpoint

_REPOSITORY = Path(__file__).parents[1]
_PAGES = (*sorted(_REPOSITORY.glob("*.md")), *sorted((_REPOSITORY / "migration_guide").glob("*.md")))
"""Also CONTRIBUTING, SECURITY and the changelog, whose links are followed."""
_BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_APP = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="work"):
    pass
"""
"""The `app.py` of the commands."""
_GITHUB = run_path(str(_REPOSITORY / "docs" / "github_markdown.py"))
"""What the site of the guide knows of GitHub's Markdown."""
_RELEASE = tuple(map(int, re.findall(r"\d+", sdk_version.__version__)[:2]))
_NEWER = {"metrics.md": (1, 30), "opentelemetry_logs.md": (1, 35)}
"""Page of the migration guide to the release from which on its blocks run as they stand: older ones lack something, or say so."""
_SENDS_NOTHING = {
    "migration_guide/azure_functions.md 2",
    "migration_guide/azure_functions.md 4",
    "migration_guide/losses.md 2",
    "migration_guide/mixed.md 3",
    "migration_guide/mixed.md 4",
    "migration_guide/operate.md 2",
    "migration_guide/operate.md 3",
    "migration_guide/operate.md 4",
    "migration_guide/official_page.md 1",
    "migration_guide/rewrite.md 1",
    "migration_guide/rewrite.md 2",
    "migration_guide/scan.md 1",
    "migration_guide/scan.md 2",
    "migration_guide/scan.md 3",
    "migration_guide/scan.md 4",
    "migration_guide/settings.md 1",
    "migration_guide/troubleshooting.md 2",
}
"""Blocks that only set something up."""


def _blocks() -> list[object]:
    found = []
    # `real_programs/test_frameworks_page.py`, `docs/test_sessions.py` and `docs/test_end_of_the_road.py` start the programs of those pages,
    # each as it says; others start files that a page names (`# shop.py`), and cells of a notebook.
    for page in (page for page in _PAGES if page.name not in ("frameworks.md", "steps.md", "end_of_the_road.md")):
        for number, match in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            if re.match(r"# ([\w/]+\.py|cell \d)\n", match[2]):
                continue
            name = f"{page.relative_to(_REPOSITORY)} {number}"
            found.append(pytest.param(name, match[1], match[2], id=name.replace(" ", "-")))
    return found


@pytest.mark.parametrize(("name", "language", "code"), _blocks())
def test_block(name: str, language: str, code: str, tmp_path: Path) -> None:
    """A block ends without an error or a warning, and its telemetry is accepted."""
    page = name.rpartition(" ")[0].rpartition("/")[2]
    if _NEWER.get(page, (0, 0)) > _RELEASE:
        pytest.skip(f"{page} is written for newer releases of OpenTelemetry")
    (tmp_path / "app.py").write_text(_APP, encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "PYTHON"))}
    with LocalEndpoint() as endpoint:
        environment = {
            **kept,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONWARNINGS": "error",
        }
        command = [sys.executable, "-c", code] if language == "python" else ["sh", "-ec", code]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        endpoint.wait_idle()
        # The command that brings its own endpoint tells what arrived there.
        assert endpoint.accepted or name in _SENDS_NOTHING or "dependencies (1)" in done.stdout
        assert not endpoint.refused


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_REPOSITORY)))
def test_links(page: Path) -> None:
    """What a page links to in this repository is there, and so is the heading."""
    missing = []
    text = page.read_text(encoding="utf-8")
    defined = re.findall(r"^\[[^\]]+\]: (?!https?:)([^\s#]*)#?(\S*)$", text, re.MULTILINE)
    for target, anchor in [*re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text), *defined]:
        linked = page.parent / target if target else page
        if not linked.exists() or (anchor and anchor not in _anchors(linked)):
            missing.append(f"{target}#{anchor}")
    assert missing == []


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return set(_GITHUB["anchors"](page.read_text(encoding="utf-8")))


_GUIDE = _REPOSITORY / "migration_guide"


def _table(page: str, heading: str) -> dict[str, str]:
    """Return the first column of the table under a heading of a page of the guide, and the second one."""
    text = (_GUIDE / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[1] for row in rows[1:]}


def _sources() -> Iterator[Path]:
    tools = {"compare", "local"}
    return (path for path in (_REPOSITORY / "src").rglob("*.py") if tools.isdisjoint(path.relative_to(_REPOSITORY).parts))


def test_settings_has_every_variable() -> None:
    """Each environment variable of ours that the source names is in the table, and no other."""
    ours = r"\b(?:OPENCENSUS_COMPAT|APPINSIGHTS|APPLICATIONINSIGHTS)_[A-Z_]*[A-Z]\b"
    named = {name for path in _sources() for name in re.findall(ours, path.read_text(encoding="utf-8"))}
    assert named == set(re.findall(ours, " ".join(_table("settings.md", "Environment variables"))))


def test_settings_has_every_option() -> None:
    """Each option is in the table with the default that it reads as."""
    told = {option.strip("`"): default for option, default in _table("settings.md", "Options of OpenCensus exporters and handlers").items()}
    assert told.pop("logging_sampling_exempt_level") == "None"
    defaults = dict(Options._default)
    assert told.keys() == defaults.keys()
    for option, default in defaults.items():
        if option not in {"connection_string", "instrumentation_key", "endpoint", "storage_path"}:
            assert re.search(rf"(?<![\w.]){re.escape(str(default))}(?![\w.])", told[option]), option


def test_settings_has_every_argument() -> None:
    """Each argument of `resolve` is in the table."""
    told = {name for names in _table("settings.md", "Settings of the OpenTelemetry exporters") for name in re.findall(r"`(\w+)`", names)}
    of_the_facade = {"take_legacy", "legacy_folder", "envelope_shape", "environ"}
    assert told == inspect.signature(resolve).parameters.keys() - of_the_facade


def test_settings_has_every_secret_key() -> None:
    """The keys of URLs whose values are secrets are those of the exporter."""
    section = (_GUIDE / "settings.md").read_text(encoding="utf-8").partition("## Secrets in URLs\n")[2].partition("\n## ")[0]
    keys = section.partition(" fragment: ")[2].partition(". ")[0]
    assert {key.lower() for key in re.findall("`([^`]+)`", keys)} == SECRET_KEYS


def test_messages_are_what_is_said() -> None:
    """Each message that the table explains is one that the source has, between its dots."""
    texts = [
        node.value
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    said = "\n".join([*texts, *(path.read_text(encoding="utf-8") for path in _sources() if path.name == "errors.py")])
    messages = [message.split("`")[1] for message in _table("troubleshooting.md", "What the messages mean")]
    parts = [part.strip() for message in messages for part in message.split("…") if part.strip(": ()")]
    assert len(messages) >= 15
    assert [part for part in parts if part not in said] == []


def _reasons() -> list[Reason]:
    """Return every reason for a loss or another try, those of unlisted statuses aside."""
    listed = [value for value in vars(reasons).values() if isinstance(value, Reason)]
    by_status = [classify.status_reason(status) for status in classify.STATUSES if status not in (200, 307, 308)]
    return [*listed, *by_status, _part.QUEUE_FULL, _handover.HANDED_OVER_FULL]


def test_reasons_are_made_where_the_page_looks_for_them() -> None:
    """No other file makes one: the list above is whole."""
    making = {path.name for path in _sources() if re.search(r"\bReason\(", path.read_text(encoding="utf-8").replace("class Reason(", ""))}
    assert making == {"reasons.py", "classify.py", "hand_over.py", "part.py"}


def test_losses_has_every_reason() -> None:
    """Each reason that is counted is on the page, with the code that the metric has for it, and no other reason is."""
    told = {
        reason.strip("`"): code.strip("`")
        for heading in ("Reasons for losses", "Reasons for another try")
        for reason, code in _table("losses.md", heading).items()
    }
    examples = [classify.status_reason(418), classify.item_reason(400), classify.status_reason(599), classify.status_reason(302)]
    prefixes = (reasons.REFUSED, reasons.NOT_STORED, reasons.NOT_DELIVERED)
    known = [*_reasons(), *examples]
    codes = {one.text: one.code for reason in known for one in (reason, *map(reason.after, prefixes))}
    assert {reason: codes.get(reason) for reason in told} == told

    def bare(text: str) -> str:
        return re.sub(f"^({'|'.join(prefixes)})", "", text)

    assert {bare(reason) for reason in told} == {bare(reason.text) for reason in known}


@pytest.mark.parametrize("status", sorted(classify.STATUSES.keys() - {200, 307, 308}))
def test_losses_has_each_status_where_it_belongs(status: int) -> None:
    """The reason of a status whose items are lost is among the losses, and of one whose items are kept among those for another try."""
    verdict, reason = classify.STATUSES[status]
    lost, kept = (
        {name.strip("`").removeprefix(reasons.REFUSED) for name in _table("losses.md", f"Reasons for {what}")}
        for what in ("losses", "another try")
    )
    keeps = verdict in {classify.RETRY, classify.PARTIAL}
    assert (reason in lost, reason in kept) == (not keeps, keeps)


def test_losses_has_every_number_and_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fields of a snapshot, and the metrics with their attributes, are those of the code."""
    monkeypatch.setattr(counts, "_watch_new", False)
    assert {name.strip("`") for name in _table("losses.md", "Counts in the process")} == {
        each.name for each in fields(counts.CountsSnapshot)
    }
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    self_metrics.observe(provider)
    known = counts.Counts()
    known.sent(1, types={"TRACE": 1})
    known.dropped(classify.status_reason(400), types={"TRACE": 1})
    known.retried(reasons.NO_REPLY, 1, types={"TRACE": 1})
    collected = reader.get_metrics_data()
    assert collected is not None
    text = (_GUIDE / "losses.md").read_text(encoding="utf-8")
    for metric in collected.resource_metrics[0].scope_metrics[0].metrics:
        assert f"| `{metric.name}` |" in text
        for point in metric.data.data_points:
            assert all(f"`{attribute}`" in text for attribute in point.attributes or {})
    provider.shutdown()


def test_pages_have_blocks() -> None:
    """The pages are found, and so are their blocks."""
    assert len(_PAGES) >= 3
    assert len(_blocks()) >= 12
