"""The command ``census-compat local``: serve, look, and run a program against a fresh endpoint.

Exit codes: 0 done; 1 nothing found, or the connection to a running endpoint failed; 2 wrong usage, a port that is taken,
or a database that cannot be used. ``census-compat local -- CMD`` exits with CMD's own code, 127 when CMD cannot be
started, 128 + n when signal n ended it.

JSON, one document per line:

* serving: ``{"event": "listening", "connectionString": …, "url": …}``, then with ``--follow`` per item
  ``{"event": "item", "table": …, "row": {…}}``
* ``show``: ``{"table": …, "rows": [{…}]}``, or without a table ``{"tables": {name: count}, "warnings": [{item, path, text}],
  "refused": [{index, status, message, text}]}``
* ``transaction``: ``{"operationId": …, "items": [{depth, table, parentId, note, row}]}`` in display order
* ``-- CMD``: ``{"connectionString": …, "exitCode": …, "tables": {name: [row]}, "transactions": [as above],
  "warnings": […], "refused": […]}``; CMD's standard output goes to standard error then
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from urllib.parse import quote, urlencode, urlsplit

from . import render, transaction
from .endpoint import LocalEndpoint
from .misbehave import RuleError, help_text
from .render import Style
from .store import Store, StoreError
from .tables import TABLES, Row
from .transaction import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONNECTION_STRING_VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
MAX_TRANSACTIONS = 20
"""Transactions printed after ``-- CMD``; the rest are counted."""
MAX_TABLE_ROWS = 50
"""Rows per table printed after ``-- CMD``: the latest; of performance counters the last value of each."""

_DESCRIPTION = """\
A local Application Insights endpoint. Serve until Ctrl-C, printing the
connection string first; or, with '-- CMD ARGS', run one command against a
fresh endpoint and print what it sent.

  census-compat local -- python app.py
  census-compat local --database FILE --follow
  census-compat local show [TABLE] [--where COLUMN=VALUE]
  census-compat local transaction OPERATION_ID|latest

'show' and 'transaction' read from --database FILE or --url URL, and print
JSON with --json; each has its own --help.
"""


_RULES = """\
misbehaviour rules, NAME:KEY=VALUE,...
(each also takes times=, for_s=, skip= and every=)
"""


class _Looked(Source, Protocol):
    """What ``show`` reads from: a database file or a running endpoint."""

    def counts(self) -> dict[str, int]:
        """Return the number of rows by table."""

    def problems(self) -> dict[str, list[dict[str, Any]]]:
        """Return warnings and refused items."""


class _CommandError(Exception):
    """Ends the command: a message for standard error and an exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments on ``parser``."""
    parser.description = _DESCRIPTION
    parser.epilog = _RULES + help_text(shutil.get_terminal_size().columns).replace("%", "%%")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--database", metavar="FILE", help="SQLite file to keep items in, continued when it exists; default: memory")
    parser.add_argument(
        "--instrumentation-key", metavar="UUID", type=_key, help="key of the printed connection string; default: a random one"
    )
    parser.add_argument("--follow", action="store_true", help="print each item as it arrives")
    parser.add_argument("--count-only", action="store_true", help="count items without checking or keeping them, for load tests")
    parser.add_argument("--json", action="store_true", help="print JSON, one document per line")
    parser.add_argument("--misbehave", metavar="RULE", action="append", default=[], help="a misbehaviour rule, see below; may be repeated")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="show … | transaction … | -- CMD ARGS", help="see above")


def _key(text: str) -> str:
    """Return an instrumentation key as programs accept it."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a UUID such as 01234567-89ab-cdef-0123-456789abcdef, got {text!r}") from None


def run(args: argparse.Namespace) -> int:
    """Carry out the parsed command and return its exit code."""
    try:
        return _dispatch(args, list(args.words))
    except _CommandError as failure:
        _say(f"census-compat local: {failure}")
        return failure.code
    except BrokenPipeError:
        # The reader of our output has gone (| head); nothing is left to say, and exit must not try to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(args: argparse.Namespace, words: list[str]) -> int:
    if not words:
        return _serve(args)
    action, *rest = words
    if action == "--":
        if not rest:
            raise _CommandError(2, "expected a command after '--'")
        return _run_command(args, rest)
    if action not in ("show", "transaction"):
        raise _CommandError(2, f"expected 'show', 'transaction' or '-- CMD', got {action!r}")
    parsed = _look_parser(action).parse_args(rest, argparse.Namespace(json=args.json, database=args.database))
    return _show(parsed) if action == "show" else _transaction(parsed)


def _look_parser(action: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"census-compat local {action}")
    if action == "show":
        parser.add_argument("table", nargs="?", choices=list(TABLES), metavar="TABLE", help=f"one of {', '.join(TABLES)}")
        parser.add_argument(
            "--where", action="append", default=[], metavar="COLUMN=VALUE", help="only rows with this value; may be repeated"
        )
    else:
        parser.add_argument("operation_id", metavar="OPERATION_ID", help="an operation id, its beginning, or 'latest'")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--database", metavar="FILE", default=argparse.SUPPRESS, help="file to read")
    source.add_argument(
        "--url", metavar="URL", help=f"running endpoint to ask, or its connection string; default: ${CONNECTION_STRING_VARIABLE}, if local"
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    return parser


def _endpoint(args: argparse.Namespace, listener: Any = None) -> LocalEndpoint:
    try:
        endpoint = LocalEndpoint(
            args.port,
            args.database,
            misbehaviour=args.misbehave,
            instrumentation_key=args.instrumentation_key,
            store=not args.count_only,
            listener=listener,
        )
    except (StoreError, RuleError) as error:
        raise _CommandError(2, str(error)) from None
    try:
        endpoint.start()
    except (OSError, OverflowError) as error:
        endpoint.close()
        raise _CommandError(2, f"cannot listen on 127.0.0.1 port {args.port}: {error}") from None
    return endpoint


def _serve(args: argparse.Namespace) -> int:
    printing = threading.Lock()

    def follow(rows: Sequence[Row]) -> None:
        lines = []
        for row in rows:
            decoded = _decoded(row)
            if args.json:
                lines.append(_json({"event": "item", "table": row.table, "row": decoded}))
            else:
                lines.append(render.item(row.table, decoded, _style()))
        with printing, contextlib.suppress(OSError):
            _print("\n".join(lines))

    with _terminated_as_interrupted(), contextlib.suppress(KeyboardInterrupt):
        endpoint = _endpoint(args, follow if args.follow else None)
        try:
            with printing:
                if args.json:
                    _print(_json({"event": "listening", "connectionString": endpoint.connection_string, "url": endpoint.url}))
                else:
                    _print(endpoint.connection_string)
                    _say(f"Listening. Set {CONNECTION_STRING_VARIABLE} to the line above; Ctrl-C ends.")
            threading.Event().wait()
        finally:
            endpoint.stop()
            if not args.json:
                _say(_summary(endpoint))
            endpoint.close()
    return 0


def _run_command(args: argparse.Namespace, command: list[str]) -> int:
    endpoint = _endpoint(args)
    try:
        environment = {**os.environ, CONNECTION_STRING_VARIABLE: endpoint.connection_string}
        code = _child(command, environment, to_stderr=args.json)
        # The child is gone, and so are its connections, unless it left processes of its own behind.
        endpoint.wait_idle(2.0)
        if args.count_only:
            _print(_json(endpoint.stats()) if args.json else _summary(endpoint))
            return code
        problems = _problems(endpoint)
        operations = endpoint.operation_ids()
        if args.json:
            found = [transaction.find(endpoint, operation_id) for operation_id in operations]
            report = {
                "connectionString": endpoint.connection_string,
                "exitCode": code,
                "tables": {table: endpoint.rows(table) for table, count in endpoint.counts().items() if count},
                "transactions": [transaction.as_dict(tree) for tree in found if tree is not None],
                **problems,
            }
            _print(_json(report))
            return code
        style = _style()
        parts = [f"{' '.join(map(render.clean, command))} ended with {code} and sent:"]
        for table, count in endpoint.counts().items():
            if count:
                rows = endpoint.rows(table)
                if table == "performanceCounters":
                    rows = list({(row["category"], row["counter"], row["instance"], row["cloud_RoleName"]): row for row in rows}.values())
                parts.append(render.table(table, rows[-MAX_TABLE_ROWS:], style, total=count))
        for operation_id in operations[:MAX_TRANSACTIONS]:
            tree = transaction.find(endpoint, operation_id)
            if tree is not None:
                parts += [render.transaction(tree, style), render.stacks(tree, style)]
        if len(operations) > MAX_TRANSACTIONS:
            parts.append(f"({len(operations) - MAX_TRANSACTIONS} more transactions)")
        if not endpoint.accepted:
            parts.append(render.overview({}, style))
        parts.append(render.problems(problems["refused"], problems["warnings"], style))
        _print("\n\n".join(part for part in parts if part))
        return code
    finally:
        endpoint.close()


def _child(command: list[str], environment: Mapping[str, str], *, to_stderr: bool) -> int:
    """Run the command to its end and return its exit code. Ctrl-C reaches the child itself; we wait for what it makes of it."""
    sys.stdout.flush()
    try:
        process = subprocess.Popen(command, env=dict(environment), stdout=sys.stderr if to_stderr else None)  # noqa: S603  # the user's own
    except (OSError, ValueError) as error:
        raise _CommandError(127, f"cannot run {command[0]!r}: {error}") from None
    while process.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
    code = process.returncode
    return code if code >= 0 else 128 - code


def _show(args: argparse.Namespace) -> int:
    where = {}
    for condition in args.where:
        column, equals, value = condition.partition("=")
        if not equals:
            raise _CommandError(2, f"expected COLUMN=VALUE after --where, got {condition!r}")
        where[column] = value
    with _source(args) as source:
        if args.table is None:
            if where:
                raise _CommandError(2, "--where needs a table")
            counts, problems = source.counts(), source.problems()
            if args.json:
                _print(_json({"tables": counts, **problems}))
            else:
                text = render.problems(problems["refused"], problems["warnings"], _style())
                _print("\n\n".join(part for part in (render.overview(counts, _style()), text) if part))
            return 0 if any(counts.values()) else 1
        try:
            rows = source.rows(args.table, where)
        except KeyError as error:
            raise _CommandError(2, str(error.args[0])) from None
        if args.json:
            _print(_json({"table": args.table, "rows": rows}))
        else:
            _print(render.table(args.table, rows, _style()) if rows else f"No rows in {args.table}.")
        return 0 if rows else 1


def _transaction(args: argparse.Namespace) -> int:
    with _source(args) as source:
        found = transaction.find(source, args.operation_id)
        if found is None:
            raise _CommandError(1, f"no telemetry with operation id {args.operation_id!r}")
        if args.json:
            _print(_json(transaction.as_dict(found)))
        else:
            style = _style()
            _print("\n\n".join(filter(None, (render.transaction(found, style), render.stacks(found, style)))))
        return 0


@contextlib.contextmanager
def _source(args: argparse.Namespace) -> Iterator[_Looked]:
    if args.database is None:
        address = args.url if args.url is not None else os.environ.get(CONNECTION_STRING_VARIABLE, "")
        remote = _Remote(address) if args.url is not None or "//127.0.0.1:" in address else None
        if remote is None:
            raise _CommandError(
                2, f"give --database FILE, or --url URL of a running endpoint (or set {CONNECTION_STRING_VARIABLE} to its own)"
            )
        yield remote
        return
    try:
        store = Store(args.database, read_only=True)
    except StoreError as error:
        raise _CommandError(2, str(error)) from None
    try:
        yield _File(store)
    except StoreError as error:
        raise _CommandError(2, str(error)) from None
    finally:
        store.close()


class _File:
    """A database file as something to look at."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.rows = store.rows
        self.operation_ids = store.operation_ids
        self.counts = store.counts

    def problems(self) -> dict[str, list[dict[str, Any]]]:
        """Return warnings and refused items."""
        return _problems_of(self._store.warnings(), self._store.refused())


class _Remote:
    """A running endpoint as something to look at."""

    def __init__(self, address: str) -> None:
        for part in address.split(";"):  # a connection string is as good as its endpoint
            key, equals, value = part.partition("=")
            if equals and key.strip().lower() == "ingestionendpoint":
                address = value.strip()
        try:
            split = urlsplit(address if "//" in address else f"http://{address}")
            self._host, self._port = split.hostname or "", split.port or 80
        except ValueError:
            self._host = ""
        if not self._host:
            raise _CommandError(2, f"expected the URL of a running endpoint, like http://127.0.0.1:8080/, got {address!r}")

    def rows(self, table: str, where: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        found: list[dict[str, Any]] = self._get(f"rows/{quote(table)}?{urlencode(where or {})}")["rows"]
        return found

    def operation_ids(self) -> list[str]:
        """Return the operations in order of start."""
        found: list[str] = self._get("operations")["operations"]
        return found

    def counts(self) -> dict[str, int]:
        """Return the number of rows by table."""
        found: dict[str, int] = self._get("stats")["tables"]
        return found

    def problems(self) -> dict[str, list[dict[str, Any]]]:
        """Return warnings and refused items."""
        return self._get("problems")

    def _get(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=10)
        try:
            # The endpoint answers control requests for this Host only.
            connection.request("GET", f"/_control/{path}", headers={"Host": f"127.0.0.1:{self._port}"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _CommandError(1, f"no local endpoint answers at http://{self._host}:{self._port}/: {error}") from None
        finally:
            connection.close()
        if not isinstance(answer, dict) or response.status != 200:
            raise _CommandError(2, str(answer.get("error", answer) if isinstance(answer, dict) else answer))
        return answer


def _problems(endpoint: LocalEndpoint) -> dict[str, list[dict[str, Any]]]:
    return _problems_of(endpoint.warnings, endpoint.refused)


def _problems_of(warnings: Sequence[Any], refused: Sequence[Any]) -> dict[str, list[dict[str, Any]]]:
    return {"warnings": [asdict(entry) for entry in warnings], "refused": [asdict(entry) for entry in refused]}


def _decoded(row: Row) -> dict[str, Any]:
    kinds = TABLES[row.table]
    return {name: json.loads(value) if kinds[name] == "JSON" else value for name, value in row.as_dict().items()}


def _summary(endpoint: LocalEndpoint) -> str:
    stats = endpoint.stats()
    parts = [f"{stats['requests']} requests", f"{stats['itemsReceived']} items received", f"{stats['itemsAccepted']} accepted"]
    if stats["itemsRefused"]:
        parts.append(f"{stats['itemsRefused']} refused by the schema")
    if stats["warnings"]:
        parts.append(f"{stats['warnings']} warnings")
    if stats["storeError"]:
        parts.append(stats["storeError"])
    return ", ".join(parts)


def _style() -> Style:
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((120, 24)).columns
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return Style(max(40, width), colour, encoding.startswith("utf"))


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _print(text: str) -> None:
    _write(sys.stdout, text)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the wait as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
