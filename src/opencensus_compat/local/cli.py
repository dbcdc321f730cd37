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
  "warnings": […], "refused": […]}``, with ``"redirected": {endpoint: items}`` where exporters were redirected, and ``"reasons": [text]``
  where nothing arrived; CMD's standard output goes to standard error then
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from urllib.parse import quote, urlencode, urlsplit

from . import render, transaction
from .endpoint import LocalEndpoint
from .misbehave import RuleError
from .reasons import Seen, read_notes, reasons
from .render import Style
from .rule_texts import help_text
from .store import Store, StoreError
from .tables import TABLES, Row
from .transaction import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONNECTION_STRING_VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
REDIRECT_VARIABLE = "APPINSIGHTS_EXPORTER_REDIRECT"
"""Makes our exporters send to a local endpoint whatever connection string they are given."""
NOTES_VARIABLE = "OPENCENSUS_COMPAT_LOCAL_NOTES"
"""Names the file in which Python processes note what they made."""
MAX_TRANSACTIONS = 20
"""Transactions printed after ``-- CMD``; the rest are counted."""
MAX_TABLE_ROWS = 50
"""Rows per table printed after ``-- CMD``: the latest; of performance counters the last value of each."""

_DESCRIPTION = """\
A local Application Insights endpoint: run one command against a fresh endpoint
and print what it sent, or serve until Ctrl-C.

  census-compat local -- python app.py
  census-compat local --follow --database FILE
  census-compat local show [TABLE] [--where COLUMN=VALUE]
  census-compat local transaction OPERATION_ID|latest

After '--', every exporter of census-compat sends to this endpoint, whatever
connection string the program gives it, and no token is requested. For programs
started elsewhere, APPINSIGHTS_EXPORTER_REDIRECT=URL does the same.
'show' and 'transaction' have their own --help.
"""

_SHOW_EXAMPLES = """\
examples
  census-compat local show --database items.db
  census-compat local show requests --database items.db
  census-compat local show traces --where severityLevel=3 --database items.db
  census-compat local show exceptions --json --url http://127.0.0.1:8080/
"""

_TRANSACTION_EXAMPLES = """\
examples
  census-compat local transaction latest --database items.db
  census-compat local transaction 0af7651916cd --database items.db
  census-compat local transaction latest --json --url http://127.0.0.1:8080/
"""

_RULES = """\
misbehaviour rules: --misbehave NAME or --misbehave NAME:KEY=VALUE,...
Each also takes times=, for_s=, skip= and every=. For example
  census-compat local --misbehave status:code=503,times=2 -- python app.py

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
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--database", metavar="FILE", help="SQLite file to keep items in, continued when it exists; default: memory")
    parser.add_argument(
        "--instrumentation-key", metavar="UUID", type=_key, help="key of the printed connection string; default: a random one"
    )
    parser.add_argument("--follow", action="store_true", help="print each item as it arrives")
    parser.add_argument("--count-only", action="store_true", help="count items without checking or keeping them, for load tests")
    parser.add_argument("--json", action="store_true", help="print JSON, one document per line")
    parser.add_argument(
        "--misbehave", metavar="RULE", action="append", default=[], help="a misbehaviour rule; may be repeated; 'help' lists the rules"
    )
    parser.add_argument(
        "--pass-through",
        action="store_true",
        help="leave exporters that are given another connection string alone: they send where it says",
    )
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
    if "help" in args.misbehave:
        _print(_RULES + help_text(shutil.get_terminal_size().columns))
        return 0
    if not words:
        return _serve(args)
    action, *rest = words
    if action == "--":
        if not rest:
            raise _CommandError(2, "expected a command after '--'")
        return _run_command(args, rest)
    if action not in ("show", "transaction"):
        raise _CommandError(2, f"expected 'show', 'transaction' or '-- CMD', got {action!r}{_suggestion(words)}")
    parsed = _look_parser(action).parse_args(rest, argparse.Namespace(json=args.json, database=args.database))
    return _show(parsed) if action == "show" else _transaction(parsed)


def _suggestion(words: list[str]) -> str:
    """Return what the words were probably meant to be, as the end of a sentence; empty when nothing comes to mind."""
    if shutil.which(words[0]) or os.path.exists(words[0]):
        return f"; to run it, put -- before it: census-compat local -- {shlex.join(words)}"
    meant = difflib.get_close_matches(words[0], ("show", "transaction"), n=1)
    return f"; did you mean {meant[0]!r}?" if meant else ""


def _look_parser(action: str) -> argparse.ArgumentParser:
    examples = _SHOW_EXAMPLES if action == "show" else _TRANSACTION_EXAMPLES
    parser = argparse.ArgumentParser(
        prog=f"census-compat local {action}", epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
        with tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as folder:
            notes = Path(folder, "notes")
            notes.touch(0o600)
            environment = _environment(endpoint, os.environ, str(notes), pass_through=args.pass_through)
            code = _child(command, environment, to_stderr=args.json)
            # The child is gone, and so are its connections, unless it left processes of its own behind.
            with contextlib.suppress(TimeoutError):
                endpoint.wait_idle(2.0)
            why = [] if endpoint.accepted else _reasons(args, endpoint, code, environment)
        if args.count_only:
            _print(_json(endpoint.stats()) if args.json else _summary(endpoint))
        elif args.json:
            _print(_json(_report(endpoint, code, why)))
        else:
            _print(_reported(endpoint, code, why, command, _style()))
        return code
    finally:
        endpoint.close()


def _reasons(args: argparse.Namespace, endpoint: LocalEndpoint, code: int, environment: Mapping[str, str]) -> list[str]:
    seen = Seen(
        code,
        environment,
        read_notes(environment[NOTES_VARIABLE]),
        refused=[entry.message for entry in endpoint.refused],
        requests=endpoint.stats()["requests"],
        misbehaves=bool(args.misbehave),
        pass_through=args.pass_through,
        python=sys.executable,
    )
    return reasons(seen)


def _report(endpoint: LocalEndpoint, code: int, why: list[str]) -> dict[str, Any]:
    """Return what a command sent, for programs."""
    found = [transaction.find(endpoint, operation_id) for operation_id in endpoint.operation_ids()]
    return {
        "connectionString": endpoint.connection_string,
        "exitCode": code,
        "tables": {table: endpoint.rows(table) for table, count in endpoint.counts().items() if count},
        "transactions": [transaction.as_dict(tree) for tree in found if tree is not None],
        **({"redirected": endpoint.redirected} if endpoint.redirected else {}),
        **({"reasons": why} if why else {}),
        **_problems(endpoint),
    }


def _reported(endpoint: LocalEndpoint, code: int, why: list[str], command: list[str], style: Style) -> str:
    """Return what a command sent, for people."""
    parts = [f"{' '.join(map(render.clean, command))} ended with {code}{' and sent:' if endpoint.accepted else '.'}"]
    for table, count in endpoint.counts().items():
        if count:
            rows = endpoint.rows(table)
            if table == "performanceCounters":
                rows = list({(row["category"], row["counter"], row["instance"], row["cloud_RoleName"]): row for row in rows}.values())
            parts.append(render.table(table, rows[-MAX_TABLE_ROWS:], style, total=count))
    operations = endpoint.operation_ids()
    for operation_id in operations[:MAX_TRANSACTIONS]:
        tree = transaction.find(endpoint, operation_id)
        if tree is not None:
            parts += [render.transaction(tree, style), render.stacks(tree, style)]
    if len(operations) > MAX_TRANSACTIONS:
        parts.append(f"({len(operations) - MAX_TRANSACTIONS} more transactions)")
    if not endpoint.accepted:
        parts.append(render.overview({}, style))
        parts.append(render.reasons(why, style))
    parts.append(render.redirected(endpoint.redirected, style))
    problems = _problems(endpoint)
    parts.append(render.problems(problems["refused"], problems["warnings"], style))
    return "\n\n".join(part for part in parts if part)


def _environment(endpoint: LocalEndpoint, environment: Mapping[str, str], notes: str, *, pass_through: bool) -> dict[str, str]:
    """Return the environment of a command that is to send to the endpoint, and whose Python processes note in a file what they made."""
    changed = {**environment, CONNECTION_STRING_VARIABLE: endpoint.connection_string, NOTES_VARIABLE: notes}
    changed.pop(REDIRECT_VARIABLE, None)
    if not pass_through:
        changed[REDIRECT_VARIABLE] = endpoint.url
    # Our exporters never use a proxy for this machine; those of other SDKs, which read the connection string too, would.
    if any(value and name.lower() in ("http_proxy", "all_proxy") for name, value in environment.items()):
        for name in ("no_proxy", "NO_PROXY"):
            hosts = [host.strip() for host in changed.get(name, changed.get("no_proxy", "")).split(",") if host.strip()]
            if "*" not in hosts:
                changed[name] = ",".join([*hosts, *(host for host in ("127.0.0.1", "localhost") if host not in hosts)])
    return changed


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
    if endpoint.redirected:
        parts.append(f"redirected from {', '.join(map(render.clean, endpoint.redirected))}")
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
