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

import pytest
from opentelemetry.sdk import version as sdk_version
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from appinsights_exporter import counts, self_metrics, telemetry_processors
from appinsights_exporter.convert.urls import SECRET_KEYS
from appinsights_exporter.delivery import classify, deliver, folder, legacy_envelopes, packing, sender, store
from appinsights_exporter.settings import resolve
from opencensus_compat._bridge.pipeline import destination as _destination
from opencensus_compat._bridge.pipeline import hand_over as _handover
from opencensus_compat._bridge.pipeline import logs as _log_pipeline
from opencensus_compat.ext.azure.common import Options
from opencensus_compat.local import LocalEndpoint

_REPOSITORY = Path(__file__).parents[1]
_PAGES = (_REPOSITORY / "README.md", *sorted((_REPOSITORY / "migration_guide").glob("*.md")))
_BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_APP = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="work"):
    pass
"""
"""The `app.py` of the commands."""
_RELEASE = tuple(map(int, re.findall(r"\d+", sdk_version.__version__)[:2]))
_NEWER = {"metrics.md": (1, 30), "opentelemetry_logs.md": (1, 35)}
"""Page of the migration guide to the release from which on its blocks run as they stand: older ones lack something, or say so."""
_SENDS_NOTHING = {
    "README.md 3",
    "migration_guide/settings.md 1",
    "migration_guide/troubleshooting.md 2",
    "migration_guide/troubleshooting.md 3",
}
"""Blocks that only set something up."""


def _blocks() -> list[object]:
    found = []
    for page in _PAGES:
        for number, match in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
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
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
        linked = page.parent / target if target else page
        if not linked.exists() or (anchor and anchor not in _anchors(linked)):
            missing.append(f"{target}#{anchor}")
    assert missing == []


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


_GUIDE = _REPOSITORY / "migration_guide"


def _table(page: str, heading: str) -> dict[str, str]:
    """Return the first column of the table under a heading of a page of the guide, and the second one."""
    text = (_GUIDE / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[1] for row in rows[1:]}


def _sources() -> Iterator[Path]:
    return (path for path in (_REPOSITORY / "src").rglob("*.py") if "local" not in path.relative_to(_REPOSITORY).parts)


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


def _reasons() -> set[str]:
    """Return every reason that the source counts a loss or another try for, without what stands before some of them."""
    found = {words for status, (_, words) in classify.STATUSES.items() if status not in (200, 307, 308)} | set(folder._REASONS.values())
    constants = {
        classify: ("UNEXPLAINED",),
        deliver: ("WAITING", "STOPPED", "PAUSED"),
        sender: ("NO_TIME",),
        store: ("EVICTED", "TOO_OLD", "DAMAGED", "NO_ROOM"),
        packing: ("NOT_ONE_LINE", "TOO_LONG"),
        legacy_envelopes: ("NOT_JSON", "NOT_AN_ENVELOPE", "OTHER_KEY", "STATSBEAT", "NO_TIME", "TOO_OLD", "NO_VALUE", "TOO_LONG"),
        telemetry_processors: ("PROCESSOR_RAISED",),
        _destination: ("QUEUE_FULL",),
        _handover: ("HANDED_OVER_FULL",),
        _log_pipeline: ("AFTER_SHUTDOWN", "NOT_EMITTED"),
    }
    found |= {getattr(module, name) for module, names in constants.items() for name in names}
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                first = node.args[0] if node.args else None
                if (
                    called in {"dropped", "retried", "Retry", "NoToken"}
                    and isinstance(first, ast.Constant)
                    and isinstance(first.value, str)
                ):
                    found.add(first.value)
            elif isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["_not_converted"]:
                found.add(ast.literal_eval(node.value))
    return found


def test_losses_has_every_reason() -> None:
    """Each reason that is counted is on the page, with the code that the metric has for it, and no other reason is."""
    told = {
        reason.strip("`"): code.strip("`")
        for heading in ("Reasons for losses", "Reasons for another try")
        for reason, code in _table("losses.md", heading).items()
    }
    assert {reason: self_metrics.code_and_reason(reason)[0] for reason in told} == told
    bare = {re.sub("^(refused by the service|not stored|not delivered): ", "", reason) for reason in told}
    examples = {"status 418", "item status 400", "server error 599", "status 302"}
    elsewhere = {"no connection", "no reply", "belongs to another user", "path unusable", "disk error", "an item could not be encoded"}
    assert bare - examples - elsewhere == _reasons()


def test_losses_has_every_number_and_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fields of a snapshot, and the metrics with their attributes, are those of the code."""
    monkeypatch.setattr(counts, "_watch_new", False)
    assert {name.strip("`") for name in _table("losses.md", "Numbers in the process")} == {
        each.name for each in fields(counts.CountsSnapshot)
    }
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    self_metrics.observe(provider)
    known = counts.Counts()
    known.sent(1, types={"TRACE": 1})
    known.dropped("bad request", types={"TRACE": 1})
    known.retried("no reply", 1, types={"TRACE": 1})
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
