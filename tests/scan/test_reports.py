"""Recordings and baselines beside what is found, and reports for machines and browsers."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from opencensus_compat import _cli
from opencensus_compat.local.call_sites import CallSite
from opencensus_compat.local.store import Store
from opencensus_compat.scan.project import scan
from opencensus_compat.scan.sarif import MOST_RESULTS, as_sarif
from opencensus_compat.scan.seen import Site

_PROGRAM = """\
from opencensus.trace.tracer import Tracer

tracer = Tracer()
tracer.start_span("work")
for _ in range(3):
    tracer.end_span()
getattr(tracer, "finish")()
"""
_SPAN, _END, _FINISH = (f"trace.tracer.Tracer.{name}" for name in ("start_span", "end_span", "finish"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with one program, which is the current one."""
    (tmp_path / "app.py").write_text(_PROGRAM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _recorded(folder: Path, *sites: tuple[str, int, str, str, int]) -> str:
    store = Store(folder / "items.db")
    store.add_call_sites([CallSite(*site) for site in sites])
    store.close()
    return "items.db"


def _ran(file: str) -> list[tuple[str, int, str, str, int]]:
    return [(file, 3, "trace.tracer.Tracer", "", 1), (file, 6, _END, "", 3), (file, 7, _FINISH, "", 1)]


def _marks(report: dict) -> dict[tuple[int, str], int | None]:
    return {(use["line"], use["rule"]): use["seen"] for use in report["uses"]}


def test_what_ran(folder, capsys):
    """A use has how often it ran; a line that ran and is no use that was found is listed, and so is what is beyond the scan."""
    recording = _recorded(folder, *_ran(str(folder / "app.py")), ("/usr/lib/other.py", 1, _SPAN, "", 4), ("x.py", 1, _SPAN, "logging", 4))
    assert _cli.main(["scan", "--seen", recording, "app.py"]) == 0
    assert [re.sub(r" +", " ", line).strip() for line in capsys.readouterr().out.splitlines()] == [
        "app.py",
        "1:37 I001 from opencensus.trace.tracer import Tracer exact",
        "3:10 T001 tracer = Tracer() exact seen 1",
        '4:1 T012 tracer.start_span("work") exact not seen',
        "6:5 T013 tracer.end_span() decide seen 3",
        "Which function holds the span and the token of `attach`?",
        "7: ran, not found trace.tracer.Tracer.finish, 1 time",
        "4 uses in 1 of 1 file: 3 exact, 1 to be decided.",
        "The recording has 3 lines of these files that called OpenCensus, 1 not found. 1 more are in other files. 2 uses ran, 1 did not.",
    ]


@pytest.mark.parametrize(("fail_on", "code"), [("none", 0), ("unfound", 1), ("any", 1), ("decide", 1)])
def test_a_line_that_was_not_found_may_fail(folder, capsys, fail_on, code):
    """A line that ran and was not found ends a job that asks for it, and those that ask for decisions or any use."""
    (folder / "app.py").write_text("import shop\nshop.tracer.finish()\n", encoding="utf-8")
    recording = _recorded(folder, (str(folder / "app.py"), 2, _FINISH, "", 1))
    assert _cli.main(["scan", "--seen", recording, "--format", "json", "--fail-on", fail_on]) == code
    report = json.loads(capsys.readouterr().out)
    assert report["recording"] == {"lines": 1, "elsewhere": 0}
    assert report["unfound"] == [{"path": "./app.py", "line": 2, "symbol": _FINISH, "count": 1}]


@pytest.mark.parametrize("front", ["/srv/shop", "C:\\srv\\shop"])
def test_a_program_that_ran_elsewhere(folder, front):
    """Files of a recording from a container or another machine are those of the scan, by the parts that their paths have in common."""
    (folder / "api").mkdir()
    (folder / "app.py").rename(folder / "api/app.py")
    (folder / "api/other.py").write_text("A = 1\n")
    slash = "\\" if "\\" in front else "/"
    file = slash.join([front, "api", "app.py"])
    found = scan([str(folder)], sites=[Site(file, 6, _END, "", 3), Site("/lib/site.py", 1, _SPAN, "", 1)])
    assert [use.seen for use in found.uses] == [None, 0, 0, 3]
    assert (found.recorded.places, found.recorded.elsewhere, found.recorded.unfound) == (2, 1, ())


def test_names_in_text_are_seen_elsewhere(folder):
    """A handler that a configuration names is made by the standard library, for a line that does not name it."""
    (folder / "app.py").write_text("A = {'class': 'opencensus.ext.azure.log_exporter.AzureLogHandler'}\n", encoding="utf-8")
    handler = "ext.azure.log_exporter.AzureLogHandler"
    result = scan([str(folder)], sites=[Site(str(folder / "main.py"), 9, handler, "logging.config", 2)])
    assert [(use.rule_id, use.seen) for use in result.uses] == [("N003", 2)]


def test_recordings_of_no_use(folder, capsys):
    """What is no recording, or has no call sites, is said, and nothing is scanned."""
    Store(folder / "old.db").close()
    for name, said in (
        ("absent.db", "there is no recording 'absent.db'"),
        ("app.py", "'app.py' is no recording"),
        ("old.db", "has no call sites"),
    ):
        assert _cli.main(["scan", "--seen", name]) == 2
        out, err = capsys.readouterr()
        assert (out, said in err) == ("", True)


def test_baseline(folder, capsys):
    """A baseline is made once, and then only falls: what is new is marked, in whatever line it is, and fails a job that asks for it."""
    scan_ = ["scan", "--baseline", "known.json", "--fail-on", "new"]
    assert _cli.main([*scan_, "--update"]) == 0
    (folder / "app.py").write_text("# moved\n" + _PROGRAM.replace("tracer.start_span('work')", ""), encoding="utf-8")
    assert _cli.main(scan_) == 0
    (folder / "app.py").write_text(_PROGRAM + "tracer.finish()\n", encoding="utf-8")
    capsys.readouterr()
    assert _cli.main([*scan_, "--update"]) == 1
    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines() if line.endswith(" new")] == ["new"]
    assert out.endswith("Beside the baseline: 1 new, 0 gone.\n")
    (folder / "app.py").write_text("from opencensus.trace.tracer import Tracer\n", encoding="utf-8")
    assert _cli.main([*scan_, "--update"]) == 0
    assert capsys.readouterr().out.endswith("Beside the baseline: 0 new, 3 gone, and the baseline is without them.\n")
    assert json.loads((folder / "known.json").read_text())["uses"] == {"app.py": {"I001 trace.tracer.Tracer": 1}}
    (folder / "app.py").write_text(_PROGRAM, encoding="utf-8")
    assert _cli.main(scan_) == 1
    capsys.readouterr()


def test_baseline_of_a_part(folder, capsys, monkeypatch):
    """A scan of one folder takes nothing of the others from the baseline, wherever it is started."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "app.py").write_text(_PROGRAM, encoding="utf-8")
    assert _cli.main(["scan", "a", "b", "--baseline", "known.json", "--update"]) == 0
    (folder / "a/app.py").write_text("", encoding="utf-8")
    monkeypatch.chdir(folder / "a")
    assert _cli.main(["scan", ".", "--baseline", "../known.json", "--update"]) == 0
    assert list(json.loads((folder / "known.json").read_text())["uses"]) == ["b/app.py"]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--update"], "--update needs --baseline FILE"),
        (["--fail-on", "new"], "--fail-on new needs --baseline FILE"),
        (["--fail-on", "unfound"], "--fail-on unfound needs --seen RECORDING"),
        (["--baseline", "absent.json"], "there is no baseline absent.json; --update makes it"),
        (["--baseline", "app.py"], "expected a baseline of `census-compat scan --baseline app.py --update`, found another file"),
    ],
)
def test_wrong_usage(capsys, arguments, said):
    """Options that do not go together, and files that are something else, end the command before it scans."""
    assert _cli.main(["scan", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.startswith(f"census-compat scan: {said}")) == ("", True)


@pytest.mark.parametrize(
    ("option", "rules"),
    [
        (["--only", "trace"], "I001 T001"),
        (["--only", "log"], "I001 L001"),
        (["--only", "stats"], "I001 S001"),
        (["--only", "config,package"], "A005 N003 R001"),
        (["--only", "query"], "Q001"),
        (["--class", "exact", "--only", "package"], "R001"),
        (["--class", "shape"], "Q001"),
    ],
)
def test_selection(folder, capsys, option, rules):
    """Areas and classes choose what is reported, and what counts for the exit code."""
    log, measure = "opencensus.ext.azure.log_exporter", "opencensus.stats.measure"
    source = f"from opencensus.trace.tracer import Tracer\nfrom {log} import AzureLogHandler\nfrom {measure} import MeasureInt\n"
    (folder / "app.py").write_text(f"{source}Tracer(), AzureLogHandler(), MeasureInt('a', 'b', 'c')\n", encoding="utf-8")
    (folder / "requirements.txt").write_text("opencensus==0.11.4\n")
    (folder / "a.kql").write_text("traces | where customDimensions.fileName == 'a'\n")
    (folder / "log.yaml").write_text(f"class: {log}.AzureLogHandler\n")
    assert _cli.main(["scan", "--format", "json", "--fail-on", "any", *option]) == 1
    assert " ".join(sorted(use["rule"] for use in json.loads(capsys.readouterr().out)["uses"])) == rules


def _sarif(*paths: str) -> dict:
    return json.loads(as_sarif(scan(paths or ["."])))["runs"][0]


def test_sarif(folder):
    """Each use is a result of its rule, at its place; what must be decided is a warning."""
    (folder / "app.py").write_text("# x\n'é'; " + _PROGRAM.replace("\n\n", "\n", 1), encoding="utf-8")
    (folder / "nb.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": "\nimport opencensus.trace"}], "nbformat": 4}))
    (folder / "a b%.py").write_text("import opencensus.stats\n")
    run = _sarif()
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [each["ruleId"] for each in run["results"]]
    places = [(each["locations"][0]["physicalLocation"], each["level"]) for each in run["results"]]
    assert [(place["artifactLocation"]["uri"], place["region"]["startLine"], level) for place, level in places] == [
        ("a%20b%25.py", 1, "note"),
        ("app.py", 2, "note"),
        ("app.py", 3, "note"),
        ("app.py", 4, "note"),
        ("app.py", 6, "warning"),
        ("nb.ipynb", 1, "note"),
    ]
    assert places[1][0]["region"]["startColumn"] == 42
    assert "Cell 1, line 2." in run["results"][-1]["message"]["text"]


def test_fingerprints(folder):
    """A fingerprint stays where the line moves, and changes with the symbol, the file and the number of equal uses."""

    def prints() -> list[str]:
        return [each["partialFingerprints"]["censusCompat/v1"] for each in _sarif()["results"]]

    before = prints()
    assert len(set(before)) == 4
    (folder / "app.py").write_text("\n# x\n\n" + _PROGRAM.replace('"work")', '"work")  # y'), encoding="utf-8")
    assert prints() == before
    (folder / "app.py").write_text(_PROGRAM.replace("end_span()", "finish()"), encoding="utf-8")
    assert [now == then for now, then in zip(prints(), before, strict=True)] == [True, True, True, False]
    (folder / "app.py").rename(folder / "other.py")
    assert not set(prints()) & set(before)


def test_too_many_results(folder):
    """SARIF has as many results as GitHub shows, those that must be decided first, and says how many are left out."""
    (folder / "app.py").write_text(_PROGRAM + "tracer.start_span('x')\n" * MOST_RESULTS + "tracer.end_span()\n", encoding="utf-8")
    run = _sarif()
    assert len(run["results"]) == MOST_RESULTS
    assert [each["level"] for each in run["results"][:3]] == ["warning", "warning", "note"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("5 more uses are left out: ")


def test_sarif_is_as_the_standard_has_it(folder, sarif_problems):
    """All that a report may have is as SARIF 2.1.0 has it: problems, notebooks, recordings, baselines, odd names."""
    (folder / "link.py").symlink_to("nowhere")
    os.mkdir(os.fsencode(folder) + b"/\xff")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff/x.py")).write_text(_PROGRAM)
    result = scan([".", "link.py"], sites=[Site(str(folder / "app.py"), 7, _FINISH, "", 1)])
    assert result.problems
    assert result.recorded.unfound
    assert sarif_problems(json.loads(as_sarif(result))) == []
    assert sarif_problems(json.loads(as_sarif(scan(["link.py"])))) == []


@pytest.fixture
def sarif_problems():
    """Return a function that returns what SARIF 2.1.0 does not allow: names of properties, their types, what is required, enumerations."""
    text, number, many = str, int, list
    known = {
        "log": {"$schema": text, "version!": text, "runs!": ["run"]},
        "run": {
            "tool!": "tool",
            "columnKind": {"utf16CodeUnits", "unicodeCodePoints"},
            "invocations": ["invocation"],
            "results": ["result"],
        },
        "tool": {"driver!": "driver"},
        "driver": {"name!": text, "version": text, "semanticVersion": text, "rules": ["rule"]},
        "rule": {
            "id!": text,
            "shortDescription": "message",
            "fullDescription": "message",
            "help": "message",
            "defaultConfiguration": "configuration",
            "properties": "bag",
        },
        "configuration": {"level": {"none", "note", "warning", "error"}},
        "invocation": {"executionSuccessful!": bool, "toolExecutionNotifications": ["notification"]},
        "notification": {"level": {"none", "note", "warning", "error"}, "message!": "message", "locations": ["location"]},
        "result": {
            "ruleId": text,
            "ruleIndex": number,
            "level": {"none", "note", "warning", "error"},
            "message!": "message",
            "locations": ["location"],
            "partialFingerprints": "texts",
            "properties": "bag",
            "baselineState": {"new", "unchanged", "updated", "absent"},
        },
        "message": {"text!": text},
        "location": {"physicalLocation": "physical"},
        "physical": {"artifactLocation!": "artifact", "region": "region"},
        "artifact": {"uri": text},
        "region": {"startLine": number, "startColumn": number, "snippet": "message"},
    }

    def check(value, kind, path):
        if isinstance(kind, list):
            return [found for at, each in enumerate(value) for found in check(each, kind[0], f"{path}[{at}]")]
        if isinstance(kind, set):
            return [] if value in kind else [f"{path}: {value!r}"]
        if isinstance(kind, type):
            wrong = type(value) is not kind or (kind is int and value < (1 if "start" in path.rpartition(".")[2] else 0))
            return [f"{path}: {value!r}"] if wrong else []
        if kind == "bag":
            return [] if isinstance(value.get("tags", many()), list) else [path]
        if kind == "texts":
            return [f"{path}.{key}" for key, each in value.items() if type(each) is not str]
        properties = {name.rstrip("!"): each for name, each in known[kind].items()}
        found = [f"{path}: no {name[:-1]}" for name in known[kind] if name.endswith("!") and name[:-1] not in value]
        found += [f"{path}.{name}" for name in value if name not in properties]
        return found + [each for name in value if name in properties for each in check(value[name], properties[name], f"{path}.{name}")]

    return lambda document: check(document, "log", "$")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [str(value) for name, value in attrs if name in {"src", "href", "action"} or name.startswith("on")]

    def handle_data(self, data):
        self.texts.append(data)


def test_html(folder, capsys):
    """The page has each use, fetches nothing, and shows hostile names and source as text."""
    hostile = "<img src=x onerror=alert(1)>&\u202e"
    (folder / f"{hostile}.py").write_text(f"{_PROGRAM}tracer.start_span('</code><script>alert(1)</script>\u202e')\n", encoding="utf-8")
    recording = _recorded(folder, *_ran(str(folder / "app.py")))
    assert _cli.main(["scan", "--format", "html", "--seen", recording]) == 0
    source = capsys.readouterr().out
    assert source.isascii()
    page = _Page()
    page.feed(source)
    assert not page.tags & {"script", "img", "link", "iframe", "object", "a"}
    assert page.addresses == []
    shown = "".join(page.texts)
    assert "\u202e" not in shown
    assert "./<img src=x onerror=alert(1)>&\N{REPLACEMENT CHARACTER}.py" in shown
    assert "</code><script>alert(1)</script>" in shown
    assert "ran, not found" in shown
    assert "default-src 'none'" in source
