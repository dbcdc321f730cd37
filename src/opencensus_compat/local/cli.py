"""The command ``census-compat local``: its arguments, and which of ``commands`` they call for.

Exit codes: 0 done; 1 nothing found, or the connection to a running endpoint failed; 2 wrong usage, a port that is taken,
or a database that cannot be used. ``census-compat local -- CMD`` exits with CMD's own code, 127 when CMD cannot be
started, 128 + n when signal n ended it.

JSON, one document per line:

* serving: ``{"event": "listening", "connectionString": …, "url": …}``, with ``"pages": url`` where there are pages, then with ``--follow`` per item
  ``{"event": "item", "table": …, "row": {…}}``
* ``--look``: ``{"event": "looking", "url": …}``
* ``show``: ``{"table": …, "rows": [{…}]}``, or without a table ``{"tables": {name: count}, "warnings": [{item, path, text}],
  "refused": [{index, status, message, text}]}``
* ``transaction``: ``{"operationId": …, "items": [{depth, table, parentId, note, row}]}`` in display order
* ``-- CMD``: ``{"connectionString": …, "exitCode": …, "tables": {name: [row]}, "transactions": [as above],
  "warnings": […], "refused": […]}``, with ``"redirected": {endpoint: items}`` where exporters were redirected, and ``"reasons": [text]``
  where nothing arrived; CMD's standard output goes to standard error then
"""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import shutil
import sys
import uuid
from typing import TYPE_CHECKING

from .commands import look
from .commands.opening import EndpointOptions
from .commands.pages import look as look_at
from .commands.program import run_program
from .commands.serve import serve
from .commands.terminal import CommandError, write, write_error
from .commands.variables import CONNECTION_STRING_VARIABLE
from .filters import FilterError, from_query
from .rule_texts import help_text
from .tables import TABLES

if TYPE_CHECKING:
    from .filters import Filter

_DESCRIPTION = """\
A local Application Insights endpoint: run one command against a fresh endpoint
and print what it sent, or serve until Ctrl-C.

  census-compat local -- python app.py
  census-compat local --follow --database FILE
  census-compat local --database FILE --look
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
  census-compat local show traces --severity 2 --text late --database items.db
  census-compat local show --where customDimensions.cart=42 traces --json
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
    parser.add_argument(
        "--no-call-sites",
        action="store_true",
        help="do not keep in the database which lines of the program call OpenCensus",
    )
    parser.add_argument(
        "--pages",
        action=argparse.BooleanOptionalAction,
        help="show what arrives in a browser; default: on a terminal, without CMD",
    )
    parser.add_argument("--look", action="store_true", help="show the recording of --database in a browser, and accept nothing")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="show … | transaction … | -- CMD ARGS", help="see above")


def _key(text: str) -> str:
    """Return an instrumentation key as programs accept it."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a UUID such as 01234567-89ab-cdef-0123-456789abcdef, got {text!r}") from None


def _positive(text: str) -> int:
    """Return a number of rows."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number of rows, at least 1, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Carry out the parsed command and return its exit code."""
    try:
        return _dispatch(args, list(args.words))
    except CommandError as failure:
        write_error(f"census-compat local: {failure}")
        return failure.code
    except BrokenPipeError:
        # The reader of our output has gone (| head); nothing is left to write, and exit must not try to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(args: argparse.Namespace, words: list[str]) -> int:
    if "help" in args.misbehave:
        write(_RULES + help_text(shutil.get_terminal_size().columns))
        return 0
    if args.look:
        return _look(args, words)
    shows = args.pages if args.pages is not None else not words and sys.stderr.isatty()
    if args.pages and args.count_only:
        raise CommandError(2, "--pages needs items to show, and --count-only keeps none")
    options = EndpointOptions(
        args.port, args.database, args.misbehave, args.instrumentation_key, args.count_only, pages=shows and not args.count_only
    )
    if not words:
        return serve(options, follow=args.follow, json=args.json)
    action, *rest = words
    if action == "--":
        if not rest:
            raise CommandError(2, "expected a command after '--'")
        return run_program(options, rest, pass_through=args.pass_through, json=args.json, call_sites=not args.no_call_sites)
    if action not in ("show", "transaction"):
        raise CommandError(2, f"expected 'show', 'transaction' or '-- CMD', got {action!r}{_suggestion(words)}")
    parsed = _look_parser(action).parse_args(rest, argparse.Namespace(json=args.json, database=args.database))
    return _show(parsed) if action == "show" else _transaction(parsed)


def _look(args: argparse.Namespace, words: list[str]) -> int:
    if args.database is None:
        raise CommandError(2, "--look needs the recording: --database FILE")
    if words:
        raise CommandError(2, f"--look only shows a recording; expected nothing after it, got {shlex.join(words)}")
    return look_at(args.database, args.port, json=args.json)


def _show(args: argparse.Namespace) -> int:
    wanted = _filter(args)
    with look.recording(args.database, args.url) as recording:
        if args.table is not None:
            return look.show_table(recording, args.table, wanted, args.most, json=args.json)
        if not wanted.selects_all or args.most is not None:
            raise CommandError(2, "options that choose rows need a table, for example: census-compat local show requests")
        return look.show_counts(recording, json=args.json)


def _transaction(args: argparse.Namespace) -> int:
    with look.recording(args.database, args.url) as recording:
        return look.show_transaction(recording, args.operation_id, json=args.json)


def _filter(args: argparse.Namespace) -> Filter:
    """Return what rows must have, as the options of ``show`` say it."""
    for text in args.where:
        if "=" not in text:
            raise CommandError(2, f"expected COLUMN=VALUE after --where, got {text!r}")
    given = {"where": args.where, "failed": ["1"] if args.failed else []}
    given.update({name: [value] for name in ("text", "since", "until", "severity") if (value := getattr(args, name)) is not None})
    try:
        return from_query(given)
    except FilterError as error:
        raise CommandError(2, str(error.args[0])) from None


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
            "--where",
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help="only rows with this value; COLUMN may be a property, as in customDimensions.cart=42; may be repeated",
        )
        parser.add_argument("--text", help="only rows with this text in one of their columns or properties")
        parser.add_argument("--since", metavar="TIME", help="only rows from this time on, for example 2026-11-30T14:05:00Z")
        parser.add_argument("--until", metavar="TIME", help="only rows from before this time")
        parser.add_argument("--severity", choices=list("01234"), help="only rows of this severity or a higher one")
        parser.add_argument("--failed", action="store_true", help="only calls that failed, and exceptions")
        parser.add_argument("--most", type=_positive, metavar="N", help="only the newest N of these rows")
    else:
        parser.add_argument("operation_id", metavar="OPERATION_ID", help="an operation id, its beginning, or 'latest'")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--database", metavar="FILE", default=argparse.SUPPRESS, help="file to read")
    source.add_argument(
        "--url", metavar="URL", help=f"running endpoint to ask, or its connection string; default: ${CONNECTION_STRING_VARIABLE}, if local"
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    return parser
