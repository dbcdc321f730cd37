"""The page of settings has each variable that this package reads, and no other; and each argument of the calls that it names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from opentelemetry import environment_variables
from opentelemetry.sdk import environment_variables as sdk_environment_variables

import opencensus_compat
from appinsights_exporter import sampling

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "migration_guide" / "settings.md").read_text(encoding="utf-8")
_TOOLS = {"compare", "doctor", "guide", "local", "rewrite", "scan", "steps", "_pyinstaller"}
_READERS = {"get", "getenv", "variable_text", "flag", "pop"}
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")
_BY_OTHERS = {
    *(name for module in (environment_variables, sdk_environment_variables) for name in vars(module) if name.startswith("OTEL_")),
    *("TMPDIR", "TEMP", "TMP"),  # by tempfile
}
"""Variables that libraries read for this package."""
_MADE = {
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),  # from names in lower case
    *(f"OTEL_{signal}_EXPORTER" for signal in ("TRACES", "METRICS", "LOGS")),
    *("LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE"),  # as the locale of the system is looked for
    "OTEL_SDK_DISABLED",
}
"""Variables whose names the code puts together, or has in a list."""
_NOT_THE_ENVIRONMENT = {"SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "RQ_JOB_ID", "PYTHONPATH"}
"""Of WSGI; a variable that says nothing but that a job runs; the interpreter's own."""

_OF_THE_RETIRED_SDK = "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL"
"""`census-compat local` sets it for programs that run on the retired SDK."""


def _sources() -> Iterator[str]:
    """Yield the text of each file that may be about variables: to parse all of them would take seconds."""
    for path in (REPOSITORY / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if _TOOLS.isdisjoint(path.relative_to(REPOSITORY).parts) and re.search(r"environ|getenv|_VARIABLE|variable_text", text):
            yield text


def _texts(node: ast.AST | None, constants: dict[str, set[str]]) -> set[str]:
    """Return the texts that an expression may be, as far as constants tell."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.Name):
        return constants.get(node.id, set())
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return {text for element in node.elts for text in _texts(element, constants)}
    if isinstance(node, ast.Dict):
        return {text for element in (*node.keys, *node.values) for text in _texts(element, constants)}
    return set()


@cache
def _read() -> frozenset[str]:
    """Return the variables that the source reads by their names: given where it reads, or in a constant that holds names alone."""
    constants: dict[str, set[str]] = {}
    found: set[str] = set()
    trees = [ast.parse(text) for text in _sources()]
    for tree in trees:
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                    pairs = zip(target.elts, node.value.elts, strict=True) if several else [(target, node.value)]
                    for name, value in pairs:
                        if isinstance(name, ast.Name):
                            constants.setdefault(name.id, set()).update(_texts(value, constants))
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                if (name in _READERS and "environ" in ast.unparse(function) + ast.unparse(node.args[0])) or name in {
                    "variable_text",
                    "flag",
                }:
                    found |= _texts(node.args[0], constants)
            elif isinstance(node, ast.Subscript) and "environ" in ast.unparse(node.value):
                found |= _texts(node.slice, constants)
            elif isinstance(node, ast.Compare) and any("environ" in ast.unparse(each) for each in node.comparators):
                found |= _texts(node.left, constants)
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.name for alias in node.names if alias.name.startswith("OTEL_")}
    # Constants and loops over lists of names: whatever has the form of a variable of OpenTelemetry's or ours.
    for values in constants.values():
        found |= {
            value
            for value in values
            if re.fullmatch(r"(?:OTEL|OPENCENSUS_COMPAT|APPINSIGHTS|APPLICATIONINSIGHTS|PYTHON_APP)\w*[A-Z]", value)
        }
        found |= values if values & {"CURL_CA_BUNDLE", "CONTAINER_NAME"} else set()
    return frozenset(name for name in found if _NAME.fullmatch(name)) - _NOT_THE_ENVIRONMENT


def _told() -> set[str]:
    """Return the variables in the first columns of the page's tables of variables."""
    section = PAGE.partition("## Environment variables\n")[2].partition("\n## ")[0]
    return {name for row in re.findall(r"^\| ([^|]*) \|", section, re.MULTILINE) for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row)}


def test_each_variable_that_is_read_is_told() -> None:
    """A variable that the source reads is on the page."""
    assert _read() - _told() == set()


def test_each_variable_that_is_told_is_read() -> None:
    """The page has no variable that neither the source nor OpenTelemetry reads."""
    assert _told() - _read() - _MADE - _BY_OTHERS == set()
    texts = "\n".join(_sources())
    assert {name for name in _MADE if name.lower() not in texts.lower() and not name.endswith("_EXPORTER")} == set()


def test_each_argument_in_code() -> None:
    """`configure` has the arguments that the page names, and `flush` and `shutdown` their time limit."""
    [row] = re.findall(r"^\| `opencensus_compat\.configure\(…\)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == list(inspect.signature(opencensus_compat.configure).parameters)
    for function in (opencensus_compat.flush, opencensus_compat.shutdown):
        assert f"`opencensus_compat.{function.__name__}(timeout_s={inspect.signature(function).parameters['timeout_s'].default:g})`" in PAGE


def test_each_sampler() -> None:
    """The names for `OTEL_TRACES_SAMPLER` are those that the package registers."""
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    registered = set(re.findall(r'^"(microsoft\.\w+)" =', project, re.MULTILINE))
    assert set(re.findall(r"`(microsoft\.\w+)`", PAGE)) == registered
    assert f"traces per second; {sampling.DEFAULT_TRACES_PER_SECOND:g} without an argument" in PAGE


def test_pages_name_variables_that_there_are() -> None:
    """Each variable of this package that any page names is on the page of settings."""
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "migration_guide").glob("*.md")]
    ours = r"\b(?:OPENCENSUS_COMPAT|APPINSIGHTS|APPLICATIONINSIGHTS)_[A-Z_]*[A-Z]\b(?!…)"
    named = {(page.name, name) for page in pages for name in re.findall(ours, page.read_text(encoding="utf-8"))}
    assert {(page, name) for page, name in named if name not in _told()} <= {("settings.md", _OF_THE_RETIRED_SDK)}
