"""The same programs on the real SDK and on ours, with real databases behind them: what arrives is compared as in `tests/parity`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_HERE = Path(__file__).parent
_PROGRAMS = _HERE / "programs"


def _load(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"of_servers_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


envelopes = _load(_HERE.parent / "parity" / "test_envelopes.py")
Rule, ABSENT, ITEM, ANY = envelopes.Rule, envelopes.ABSENT, envelopes.ITEM, envelopes.ANY

_TEXT = Rule(
    "a statement is bytes, or composed",
    r"(bytes_and_composed|helpers|several_rows) \| RemoteDependency '\w+\.query'.* \| data/baseData/properties/\w+\.query",
    envelopes._matching(r"(bytearray\()?b['\"].*|Composed\(.*"),
    envelopes._matching(r"(SELECT|INSERT) .*"),
)

RULES = {
    "on_postgresql": (*envelopes._OF_STATEMENTS, *envelopes._FAILED_STATEMENTS, _TEXT),
    "on_psycopg2": (
        *envelopes._OF_STATEMENTS,
        _TEXT,
        Rule(
            "a connection without the module's connect",
            r"connect_that_was_imported_before \| RemoteDependency 'postgresql\.query'",
            ABSENT,
            ITEM,
        ),
        Rule("the program chooses a class of cursors", r"cursors_of_a_connection \| told \| returned/0", "tuple", "DictRow"),
        Rule("the program chooses a class of cursors", r"class_of_a_connection \| told \| returned/0", "tuple", "Record"),
        Rule(
            "the program chooses a class of cursors",
            r"(class_of_a_cursor(_by_position)?|function_for_cursors) \| RemoteDependency 'postgresql\.query'",
            ABSENT,
            ITEM,
        ),
    ),
    "on_sqlalchemy": (*envelopes._OF_STATEMENTS,),
    "on_mariadb": (
        *envelopes._OF_STATEMENTS,
        *envelopes._FAILED_STATEMENTS,
        _TEXT,
        Rule(
            "a connection without the module's connect",
            r"imported_class \| RemoteDependency 'mysql\.query'",
            ABSENT,
            ITEM,
        ),
    ),
}
"""By program."""


@pytest.mark.parametrize(
    ("program", "driver", "server"),
    [
        ("on_postgresql", "psycopg2", "postgresql"),
        ("on_postgresql", "newest", "postgresql"),
        ("on_psycopg2", "psycopg2", "postgresql"),
        ("on_mariadb", "mysql.connector", "mariadb"),
        ("on_mariadb", "MySQLdb", "mariadb"),
        ("on_mariadb", "pymysql", "mariadb"),
        ("on_sqlalchemy", "psycopg2", "postgresql"),
    ],
)
def test_statements(program: str, driver: str, server: str, legacy_python: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Spans of statements are those of the real SDK, also where another or a newer driver executes them, but for what the guide tells."""
    if driver == "MySQLdb":
        # It has no wheels for Linux.
        pytest.importorskip("MySQLdb")
    path, port = _PROGRAMS / f"{program}.py", request.getfixturevalue(server)
    make = envelopes._functions_of(path, DRIVER=driver, **{server.upper(): str(port)})
    old, new = envelopes._on_both(legacy_python, tmp_path, make)
    envelopes._sound(new)
    test = f"test_statements[{program}]"
    envelopes.RULES[test] = RULES[program]
    envelopes._explain(envelopes._differences(old, new, path.read_text(encoding="utf-8")), test)


def test_rules_have_rows() -> None:
    """What differs has its heading in the migration guide, among the statements or among the items."""
    guide = envelopes._GUIDE.read_text(encoding="utf-8")
    told = {line.removeprefix("### ").lower() for line in guide.splitlines() if line.startswith("### ")}
    assert {rule.row.lower() for rules in RULES.values() for rule in rules} - told == set()


@pytest.mark.parametrize(
    ("server", "ways"),
    [
        ("postgresql", ["tasks of sqlalchemy", "psycopg2", "psycopg", "tasks of psycopg"]),
        ("mariadb", ["mysql.connector", "pymysql"]),
    ],
)
def test_200_requests_50_at_once(server: str, ways: list[str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each statement, of 50 threads or tasks, is below its own request."""
    port = request.getfixturevalue(server)
    with envelopes.LocalEndpoint() as endpoint:
        command = [sys.executable, _PROGRAMS / "at_once.py", *ways]
        _, errors = envelopes._finish(envelopes._start(command, endpoint, tmp_path, {server.upper(): str(port)}))
        assert errors == ""
        endpoint.wait_idle()
        items = [
            {**envelope["data"]["baseData"], "parent": envelope["tags"].get("ai.operation.parentId")} for envelope in endpoint.envelopes()
        ]
    requests = {item["id"]: item["name"] for item in items if "request" in item["name"]}
    statements = [item for item in items if item["id"] not in requests]
    texts = [next(value for key, value in item["properties"].items() if key.endswith(".query")) for item in statements]
    wanted = [f"{way}, request {number}" for way in ways for number in range(200)]
    assert sorted(requests.values()) == sorted(wanted)
    assert sorted(texts) == sorted(f"SELECT '{request}'" for request in wanted)
    assert [f"SELECT '{requests[item['parent']]}'" for item in statements] == texts


def _can_be_instrumented(driver: str) -> bool:
    """Return whether a driver is installed, and OpenTelemetry's instrumentation of it."""
    instrumentation = {"mysql.connector": "mysql", "MySQLdb": "mysqlclient"}.get(driver, driver)
    names = driver.partition(".")[0], f"opentelemetry.instrumentation.{instrumentation}"
    return all(importlib.util.find_spec(name) is not None for name in names)


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(
    ("server", "drivers"), [("postgresql", ["psycopg2", "psycopg"]), ("mariadb", ["mysql.connector", "pymysql", "MySQLdb"])]
)
def test_beside_opentelemetry(server: str, drivers: list[str], order: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A statement that OpenTelemetry's instrumentation of the driver traces, too, arrives once, as OpenCensus's, also where it fails."""
    port = request.getfixturevalue(server)
    drivers = [driver for driver in drivers if _can_be_instrumented(driver)]
    with envelopes.LocalEndpoint() as endpoint:
        command = [sys.executable, _PROGRAMS / "beside_opentelemetry.py", order, *drivers]
        printed, _ = envelopes._finish(envelopes._start(command, endpoint, tmp_path, {server.upper(): str(port)}))
        endpoint.wait_idle()
        items = [envelope["data"]["baseData"] for envelope in endpoint.envelopes()]
    assert len(printed.splitlines()) == len(drivers)
    prefix = {"postgresql": "postgresql", "mariadb": "mysql"}[server]
    statements = [(item["properties"][f"{prefix}.query"], item["success"]) for item in items if item["name"] not in drivers]
    wanted = [pair for driver in drivers for pair in ((f"SELECT '{driver}'", True), (f"SELECT * FROM {driver}", False))]
    assert sorted((text.replace("`", "").replace('"', ""), success) for text, success in statements) == sorted(wanted)
