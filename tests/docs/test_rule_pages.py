"""The guide's pages that are written from the rule table and its pairs of programs: `make tables` writes them anew."""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opencensus_compat.scan.project import scan
from opencensus_compat.scan.rules import BY_ID, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.scan.rule import Rule

_TESTS = Path(__file__).parents[1]
_PROGRAMS = _TESTS / "pairs" / "programs"
_GUIDE = _TESTS.parent / "migration_guide"
_BEGIN, _END = "<!-- written by `make tables` -->\n", "<!-- to here -->\n"


@dataclass(frozen=True)
class Section:
    """One part of a page: what becomes of some forms, and programs that show it."""

    title: str
    rules: str
    """Ids of the forms, with spaces between."""
    shown: str = ""
    """Names of pairs, with spaces between. Of each the lines of the section's forms are shown; all that changes after a ``+``."""


PAGES: dict[str, tuple[Section, ...]] = {
    "traces.md": (
        Section(
            "Tracers and exporters", "T001 T040 A001 A003 A004 A005", "T020_attribute A001_exporter_of_spans T040_tracer_of_the_context"
        ),
        Section("Samplers", "T060 T061 T062 T063", "T060_sampler_by_probability"),
        Section("Spans in a `with` statement", "T010 T017 T029", "T010_span_in_with T017_decorated_function T029_child_of_a_span"),
        Section(
            "Spans that are started and ended by hand",
            "T011 T012 T013 T014 T030",
            "+T012_start_and_end +T013_end_in_another_function T014_end_of_a_tracer",
        ),
        Section(
            "Attributes",
            "T020 T016 T024 T073",
            "T020_attribute T016_attribute_of_the_current_span T024_attributes_as_a_mapping T073_names_of_attributes",
        ),
        Section("Annotations and message events", "T026 T028", "T026_annotation T028_message_event"),
        Section("Name and kind", "T022 T021 T031", "T022_name T022_name_that_is_read +T021_kind"),
        Section("Status", "T025 T075", "T025_status T075_status_from_a_code"),
        Section("Exceptions and stacks", "T074", "T074_exception_of_a_span"),
        Section("Links", "T027", "T027_link"),
        Section(
            "The current span, and ids",
            "T015 T041 T019 T023 T032 T051",
            "T015_current_span_of_a_tracer T041_span_of_the_context T041_is_there_a_span T019_ids_of_the_current_span T023_id_and_start_of_a_span T032_span_as_a_class "
            "T051_ids_of_a_program",
        ),
        Section(
            "Traces that come from outside, and headers",
            "T003 T053 T054 T050 T052",
            "T003_trace_from_outside T053_headers_of_a_call +T052_trace_options",
        ),
        Section("What else the context has", "T042 T043 T044", "+T042_attribute_of_the_context"),
        Section(
            "Integrations and middlewares",
            "W001 W002 W003 W010 W011 W012 W013 W014 W015 W016 W017 W018 N005 T077 T078",
            "W001_requests_by_name W010_flask +W011_django W012_fastapi +W017_functions W018_flask_config",
        ),
        Section("Telemetry processors, role", "A002 A006 A007 A008 A009 C001"),
        Section("Exporters to other places", "T070 T071 T072 V001 V002 V004 V005", "T070_exporter_to_the_console"),
        Section("Classes of your own, and inner parts", "B001 B002 T018 T033 T076 C002 C003"),
    ),
    "logs.md": (
        Section("Handlers", "L001 N003 L003 N004 B003", "L001_handler N003_handler_of_dictconfig"),
        Section("Events", "L002", "L002_event_handler"),
        Section("What a record brings", "L004 L005"),
        Section("Ids in records", "L006 L007 T002", "T002_tracer_that_nothing_holds"),
    ),
    "metrics.md": (
        Section("Counts and sums", "S001 S002 S003 S004 S009", "+S001_count +S004_sum"),
        Section("Last values", "S005", "+S005_last_value"),
        Section("Distributions", "S006 S007", "+S006_distribution"),
        Section("Views: several of one measure, names that no instrument has", "S008", "+S002_two_views +S002_name_of_no_instrument"),
        Section("Tags", "S011 S012", "S011_tags"),
        Section("Gauges", "M001 M003 M005", "+M001_up_and_down +M001_derived_gauge"),
        Section("Cumulatives", "M002", "+M002_cumulative"),
        Section("Exporters and standard metrics", "A010 A011 V003", "A010_exporter_thread +A010_standard_metrics"),
        Section("Metrics that are read back", "S013 S010 M004", "+S013_metrics_that_are_read_back"),
    ),
}
"""By page; a form that can be shown by programs has its place in one section."""
_AREAS = {
    "Tracers and spans": "T",
    "Exporters to Application Insights": "A",
    "Log records": "L",
    "Measures, views, tags, gauges": "SM",
    "Integrations and middlewares": "W",
    "Exporters of other makers": "V",
    "Saved queries": "Q",
    "Ground": "C",
    "Classes of the program, names that are not public": "BX",
    "Imports and names in text": "IN",
    "Packages and files": "RF",
}
"""Headings of the table, and the first letters of the ids below them."""
_HOME = {
    **{rule: f"{page}#{section.title}" for page, sections in PAGES.items() for section in sections for rule in section.rules.split()},
    **{rule.id: "scan.md#Saved queries" for rule in RULES if rule.id[0] == "Q"},
}
"""By form: the page and heading that the table links to."""
_SETUP = {"T001", "A001", "A005", "T061"}
"""Forms that all programs about spans begin with; sections about other forms leave those lines out."""
_SETUP_AFTER = {'configure(signals=["traces"], sampler=ALWAYS_ON)', "tracer = trace.get_tracer(__name__)"}
"""What becomes of those lines."""
_ALIKE = 0.5
_SPANS = "`requests`, `dependencies`"


def _files(name: str) -> Iterator[tuple[str, Path, Path]]:
    """Yield the path and the two files of each file of a pair that has both."""
    before, after = _PROGRAMS / f"{name}.before", _PROGRAMS / f"{name}.after"
    if not before.is_dir():
        yield "", before.with_name(f"{before.name}.py"), after.with_name(f"{after.name}.py")
        return
    for path in sorted(before.rglob("*.py")):
        relative = path.relative_to(before)
        if path.read_text(encoding="utf-8") != (after / relative).read_text(encoding="utf-8"):
            yield str(relative), path, after / relative


@cache
def _uses(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a program that have uses, from 0, and their rules."""
    return [(use.line - 1, use.rule_id) for use in scan([str(path)]).uses]


def _imports(text: str) -> dict[int, ast.Import | ast.ImportFrom]:
    """Return the imports of a program by their lines, from 0."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {line: node for node in nodes for line in range(node.lineno - 1, node.end_lineno or node.lineno)}


def _changes(before: Path, after: Path, rules: set[str], *, whole: bool) -> tuple[list[str], set[tuple[str, str]]]:
    """Return the lines of a diff, and the modules and names that its new lines import.

    What changes with some rules is shown, or all of it; never the lines that all programs begin with, unless they are what is asked for.
    """
    old, new = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
    imported, needed = (_imports("\n".join(lines)) for lines in (old, new))
    used = {line for line, rule in _uses(before) if rule in rules and line not in imported}
    setup = {line for line, rule in _uses(before) if rule in _SETUP} - {line for line, rule in _uses(before) if rule not in _SETUP} - used
    lines: list[str] = []
    for tag, first, last, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone = [number for number in range(first, last) if number not in imported and number not in setup]
        come = [number for number in range(start, end) if number not in needed and not (setup and new[number] in _SETUP_AFTER)]
        if tag == "equal" or not (whole or used.intersection(gone)):
            continue
        rows: list[tuple[int | None, int | None]]
        if len(gone) == len(come) and all(_is_like(old[one], new[other]) for one, other in zip(gone, come, strict=True)):
            rows = [(one, other) for one, other in zip(gone, come, strict=True) if whole or one in used]
        else:
            rows = [*((one, None) for one in gone), *((None, other) for other in come)]
        hunk = [
            f"{sign}{text[number]}".rstrip()
            for one, other in rows
            for sign, text, number in (("-", old, one), ("+", new, other))
            if number is not None
        ]
        while hunk and hunk[0] in ("-", "+"):
            del hunk[0]
        while hunk and hunk[-1] in ("-", "+"):
            del hunk[-1]
        lines += ["", *hunk] if lines and hunk else hunk
    words = set(re.findall(r"\w+", "\n".join(line for line in lines if line.startswith("+"))))
    names = {
        (getattr(node, "module", None) or "", f"{alias.name} as {alias.asname}" if alias.asname else alias.name)
        for node in needed.values()
        for alias in node.names
        if (alias.asname or alias.name).partition(".")[0] in words and new[node.lineno - 1] not in old
    }
    return lines, names


def _is_like(one: str, other: str) -> bool:
    """Return whether a line is another one's counterpart, so that they may stand one below the other."""
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() > _ALIKE


def _import_lines(names: set[tuple[str, str]]) -> list[str]:
    """Return the lines that import some names, of the modules that have them."""
    return [
        f"+from {module} import {', '.join(sorted(name for home, name in names if home == module))}"
        if module
        else "\n".join(f"+import {name}" for home, name in sorted(names) if not home)
        for module in sorted({module for module, _ in names})
    ]


def _diffs(section: Section) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the blocks of a section: the file that a block is of, and its parts, imports first; programs of one file share a block."""
    rules = set(section.rules.split())
    shared: list[list[str]] = []
    imports: set[tuple[str, str]] = set()
    for name in section.shown.split():
        own = {name[:4]} & rules or rules
        for path, before, after in _files(name.lstrip("+")):
            lines, names = _changes(before, after, own, whole=name.startswith("+"))
            assert lines, (section.title, name)
            if path:
                yield path, [part for part in (_import_lines(names), lines) if part]
            else:
                imports |= names
                shared.append(lines)
    if shared:
        yield "", [part for part in (_import_lines(imports), *shared) if part]


def _section(section: Section) -> Iterator[str]:
    yield f"### {section.title}"
    for rule in section.rules.split():
        yield from _bullet(BY_ID[rule])
    for path, parts in _diffs(section):
        yield from ("", "```diff", *([f"# {path}"] * bool(path)), "\n\n".join("\n".join(part) for part in parts), "```")
    yield ""


def _bullet(rule: Rule) -> list[str]:
    kind = {"shape": " (shape)", "keep": " (keep)"}.get(rule.kind, "")
    text = f"- `{rule.id}` {rule.form}{kind}: {rule.counterpart}." + f" *To be decided:* {rule.question}" * bool(rule.question)
    return textwrap.wrap(text, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _on_to_opentelemetry(page: str) -> str:
    """Return the part of a page that shows both sides."""
    return "\n".join(line for section in PAGES[page] for line in _section(section)) + "\n"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _table() -> str:
    """Return the complete table."""
    lines: list[str] = []
    for heading, letters in _AREAS.items():
        lines += [f"## {heading}", "", "| id | OpenCensus | OpenTelemetry | class | Application Insights |", "|---|---|---|---|---|"]
        for rule in (rule for rule in RULES if rule.id[0] in letters):
            shown = f"[{rule.id}]" if rule.id in _HOME else rule.id
            form, counterpart = rule.form.removesuffix(", in a query"), rule.counterpart
            if rule.id in _HOME:
                counterpart = re.split("; |: |, (?:which|and|with) ", counterpart)[0]
            lines.append(" | ".join((f"| {shown}", form, counterpart, rule.kind, f"{_places(rule)} |")))
        lines.append("")
    for rule in RULES:
        if rule.id in _HOME:
            page, _, title = _HOME[rule.id].partition("#")
            lines.append(f"[{rule.id}]: {page}#{_anchor(title)}")
    return "\n".join(lines) + "\n"


def _places(rule: Rule) -> str:
    """Return tables and columns as the table has them."""
    parts = []
    for part in filter(None, rule.arrives.split("; ")):
        tables, _, columns = part.partition(": ")
        named = ", ".join(name if name == "all" else f"`{name}`" for name in tables.split(", ")).replace(_SPANS, "spans")
        parts.append(named + (": " + ", ".join(f"`{_short(column)}`" for column in columns.split(", ")) if columns else ""))
    return "; ".join(parts) or "\u2013"


def _short(column: str) -> str:
    table, _, key = column.partition(".")
    return f"{table}['{key}']" if key else column


def _parts(page: str) -> tuple[str, str, str]:
    """Return a page before its written part, that part, and the page after it."""
    before, begin, rest = (_GUIDE / page).read_text(encoding="utf-8").partition(_BEGIN)
    part, end, after = rest.partition(_END)
    return before + begin, part, end + after


_WRITTEN = {**dict.fromkeys(PAGES, _on_to_opentelemetry), "table.md": lambda _: _table()}


@pytest.mark.parametrize("page", _WRITTEN)
def test_a_page_is_what_make_tables_writes(page):
    """The written part of a page is that of the rule table and the pairs."""
    assert _parts(page)[1] == _WRITTEN[page](page)


def test_each_form_with_programs_is_on_a_page():
    """What a pair shows has a place in one section, but for imports, which follow what is rewritten."""
    placed = [rule for sections in PAGES.values() for section in sections for rule in section.rules.split()]
    assert len(placed) == len(set(placed))
    assert {rule.id for rule in RULES if rule.pair and rule.id[0] != "I"} <= set(placed)


def test_the_table_has_each_rule_once():
    """The areas have all rules."""
    assert re.findall(r"^\| \[?(\w\d{3})\]? \|", _table(), re.MULTILINE) == [
        rule.id for letters in _AREAS.values() for rule in RULES if rule.id[0] in letters
    ]
    assert {rule.id[0] for rule in RULES} == set("".join(_AREAS.values()))


def _write() -> None:
    for page, written in _WRITTEN.items():
        before, _, after = _parts(page)
        (_GUIDE / page).write_text(before + written(page) + after, encoding="utf-8")


if __name__ == "__main__":
    _write()
