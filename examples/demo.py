"""``make demo``: unchanged OpenCensus programs, and what of them arrives at a local Application Insights endpoint.

It starts the endpoint, runs the programs one after the other in processes of their own, and shows for each what arrived. The exit code is
0 only if everything that it expects is there.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencensus_compat.local import LocalEndpoint, render, shapes, transaction
from opencensus_compat.local.commands.pages import look

EXAMPLES = Path(__file__).parent
DATABASE = EXAMPLES.parent / "build" / "demo.db"
RETIRED = EXAMPLES.parent / ".venvs" / "legacy" / "bin" / "python"
"""Interpreter of an environment with the retired SDK, where it has been made (`make envs`)."""
COMPARED = "legacy/configured_logging.py"
"""The program that runs there, too."""
TIME_LIMIT_S = 15.0
"""For one program."""
WIDEST_COLUMNS = 120
OUR_NAMES = ("opencensus_compat", "census_compat", "census-compat", "appinsights_exporter")
"""What no program may contain."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and what must arrive when it has run."""

    title: str
    files: tuple[str, ...]
    """Below ``examples/``. The last one is run; one before it serves it, or is imported by it."""
    look_at: str
    """What to notice."""
    trees: str
    """The transactions, in order of their first line, with an empty line between them: a line for each item, below its parent."""
    prints: str = ""
    """What its output must contain."""
    shows_properties: bool = False
    """Show role and properties of the items, instead of the transactions."""
    table: str = ""
    """Show the rows of this table that arrived, with their properties: items that belong to no transaction."""
    serves: tuple[int, ...] = ()
    """How many requests the first files answer, which are services: each is told where the one before it listens, the last file too."""


PROGRAMS = (
    Program(
        "The quickstart prints its spans",
        ("legacy/quickstart.py",),
        "SpanData lists, in the form that the OpenCensus documentation shows.",
        "",
        prints="[SpanData(name='hello', context=SpanContext(trace_id=",
    ),
    Program(
        "A batch job: one nested trace",
        ("legacy/order_batch.py",),
        "Spans from with blocks and from a decorator, with attributes. INPROC is what the old SDK called them, and what saved queries ask for.",
        """
nightly packing
  read orders
  pack A-1001
    pick item 1
    pick item 2
    pick item 3
    print_label
  pack A-1002
    pick item 1
    print_label
""",
    ),
    Program(
        "A request that fails",
        ("legacy/failing_request.py",),
        "The exception hangs below its request, and the span that it left has failed. (The old SDK got both wrong.)",
        """
POST /orders
  ! OutOfStock
  reserve stock
""",
    ),
    Program(
        "One line of log",
        ("legacy/one_line_log.py",),
        "The program ends at once, and the line has arrived. Its properties are those of the call and of the old handler.",
        "[Warning] stock of kettles is low",
        table="traces",
    ),
    Program(
        "A request that logs",
        ("legacy/order_service.py",),
        "Lines, the exception and the event hang below the span that they were logged in. The exception has the whole chain of its causes.",
        """
POST /orders
  [Information] order A-1003 received
  reserve stock
    [Information] asking the warehouse for blue-kettle
  ! OutOfStock
  * Order refused
""",
    ),
    Program(
        "Logging configured by a dictionary, as in Django projects",
        ("legacy/configured_logging.py",),
        "The formatter is the handler's, the level too: the debug line went to the console only, with the trace's id.",
        """
rebuild catalogue
  [Information] INFO shop.catalogue: 2 products
  load pictures
    [Warning] WARNING shop.catalogue: no picture of teapot
""",
    ),
    Program(
        "Views and a gauge",
        ("legacy/order_metrics.py",),
        "The program ends long before its first minute is over, and the totals have arrived. So has the distribution, which the old SDK lost.",
        """
order size: 42.5 in 2 values from 12.5 to 30

order size: 99

orders placed: 1

orders placed: 2

orders waiting: 3

turnover: 42.5

turnover: 99
""",
        table="customMetrics",
    ),
    Program(
        "A service and its client: two processes, one trace",
        ("legacy/stock_service.py", "legacy/shop_client.py"),
        "The client sends a traceparent header and the service continues it: requests hang below the calls.",
        """
fill basket
  GET /stock/kettle
    GET /stock/<sku>
      look up
  GET /stock/teapot
    GET /stock/<sku>
      look up
""",
        serves=(2,),
    ),
    Program(
        "A shop on Flask and SQLAlchemy, and prices from FastAPI",
        ("legacy/price_service.py", "legacy/web_shop.py", "legacy/shop_visitor.py"),
        "They run on today's Flask 3 and SQLAlchemy 2, beside which pip refuses the packages opencensus-ext-flask and "
        "opencensus-ext-sqlalchemy. None of them is installed. A request, its query, its call and the other service's request are one trace.",
        """
GET /goods/<sku>
  sqlalchemy.query
  GET /prices/kettle
    GET /prices/kettle
      [Information] price of kettle asked for

GET /goods/<sku>
  sqlalchemy.query
  [Warning] nobody sells teapot
""",
        serves=(1, 2),
    ),
    Program(
        "Worker threads that share one tracer",
        ("legacy/thread_workers.py",),
        "Each job is a trace of its own. (In the old SDK, jobs that ran at the same time became each other's children.)",
        """
job invoices
  load invoices
  save invoices

job reminders
  load reminders
  save reminders

job thumbnails
  load thumbnails
  save thumbnails
""",
    ),
    Program(
        "Telemetry processors",
        ("legacy/role_name.py",),
        "They set the role name, hide the card number, and leave the health check out.",
        "charge card",
        shows_properties=True,
    ),
    Program(
        "An exporter subclass of the team's own",
        ("legacy/custom_exporter.py",),
        "Its span_data_to_envelope names the tenant on every item, and moves the build number to the version.",
        """
export ledger
  write rows
""",
        shows_properties=True,
    ),
    Program(
        "OpenCensus and OpenTelemetry in one trace",
        ("mixed/legacy_stock.py", "mixed/checkout.py"),
        "New code calls the old library, which calls back into new code, also on its own thread. Each name says which API made the span "
        "(INPROC is the old word for InProc). Every parent is right, old log lines hang below new spans, and each API sets "
        "attributes on the other's spans.",
        """
OpenTelemetry: checkout
  OpenCensus: reserve
    OpenTelemetry: ask warehouse
      OpenCensus: note answer
        [Warning] only 7 of kettle left
    [Information] reserved kettle
    OpenCensus: pack, on a thread
      OpenTelemetry: print label
  OpenTelemetry: send receipt
""",
    ),
)


def main() -> int:
    """Run everything and return the exit code: 0 if all that is expected arrived, else 1."""
    style = _style()
    begun_s = time.monotonic()
    DATABASE.parent.mkdir(exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{DATABASE}{suffix}").unlink(missing_ok=True)
    problems: list[str] = []
    with LocalEndpoint(database=DATABASE) as endpoint:
        _heading(endpoint, style)
        for number, program in enumerate(PROGRAMS, 1):
            print(f"\n{_bold(f'{number}  {program.title}', style)}")
            print(f"{_files(program)}\n{textwrap.fill(program.look_at, style.width)}\n")
            problems += [f"{program.files[-1]}: {problem}" for problem in _run_and_show(program, endpoint, style)]
        problems += [f"refused: {refusal.message}" for refusal in endpoint.refused]
        _tables(endpoint, style)
        items = endpoint.accepted
    problems += _compare(style) if RETIRED.exists() else []
    _ending(style)
    for problem in problems:
        print(f"\nNOT AS EXPECTED  {problem}")
    if not problems:
        elapsed_s = time.monotonic() - begun_s
        print(f"\n{_bold('All as expected', style)}: {len(PROGRAMS)} examples, {items} items, 0 lines changed, {elapsed_s:.1f} s.")
        if os.environ.get("PAGES"):
            look(str(DATABASE), 0, json=False, opens=True)
    return 1 if problems else 0


def _run_and_show(program: Program, endpoint: LocalEndpoint, style: render.Style) -> list[str]:
    """Run a program, show what it printed or sent, and return what is not as expected."""
    known, rows_before = set(endpoint.operation_ids()), len(endpoint.rows(program.table)) if program.table else 0
    try:
        printed = _run(program, endpoint)
        endpoint.wait_idle()
    except (OSError, subprocess.SubprocessError) as error:
        return [str(error)]
    found = [transaction.find(endpoint, operation) for operation in endpoint.operation_ids() if operation not in known]
    arrived = [one for one in found if one is not None]
    rows = endpoint.rows(program.table)[rows_before:] if program.table else []
    if rows:
        print("\n".join(line for row in rows for line in (_name(program.table, row), *_wrapped_properties(row, style))))
    elif program.prints:
        print("\n".join(render.fit(line, style.width).rstrip() for line in printed.splitlines()))
    elif program.shows_properties:
        print("\n".join(_properties(one, style) for one in arrived))
    else:
        shown = [part for one in arrived for part in (render.transaction(one, style), render.stacks(one, style)) if part]
        print("\n\n".join(shown))
    problems = []
    if program.prints not in printed:
        problems.append(f"expected to read {program.prints!r} in its output, got {printed!r}")
    trees = "\n\n".join(sorted([*map(_tree, arrived), *(_name(program.table, row) for row in rows)]))
    if trees != program.trees.strip():
        problems.append(f"expected the transactions\n{program.trees}\ngot\n{trees}")
    named = [f"{file} names {name}" for file in program.files for name in OUR_NAMES if name in (EXAMPLES / file).read_text("utf-8")]
    return problems + named


def _run(program: Program, endpoint: LocalEndpoint) -> str:
    """Run a program, with its service if it has one, and return what it printed.

    Raises:
        subprocess.SubprocessError: It failed, or took too long.
        OSError: It could not be started.
    """
    command = [sys.executable, str(EXAMPLES / program.files[-1])]
    with ExitStack() as services:
        told: list[str] = []
        for file, requests in zip(program.files, program.serves, strict=False):
            told = [services.enter_context(_service(file, [str(requests), *told], endpoint))]
        return _finished([*command, *told], endpoint)


def _finished(command: list[str], endpoint: LocalEndpoint) -> str:
    done = subprocess.run(command, env=_environment(endpoint), stdout=subprocess.PIPE, text=True, timeout=TIME_LIMIT_S, check=True)
    return done.stdout


@contextmanager
def _service(file: str, arguments: list[str], endpoint: LocalEndpoint) -> Iterator[str]:
    """Run a service on a free port, and wait for its end."""
    command = [sys.executable, str(EXAMPLES / file), "0", *arguments]
    with subprocess.Popen(command, env=_environment(endpoint), stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
            if not line:
                raise subprocess.SubprocessError(f"{file} did not say where it listens")
            yield line.split()[-1]
            process.wait(TIME_LIMIT_S)
        finally:
            process.kill()


def _environment(endpoint: LocalEndpoint) -> dict[str, str]:
    """Return the environment of a program: one variable tells it where to send, and no proxy stands between programs of this machine."""
    return {**_kept(), "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}


def _kept() -> dict[str, str]:
    foreign = ("OTEL_", "OPENCENSUS_COMPAT_", "APPINSIGHTS_")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign) and not key.lower().endswith("_proxy")}


def _tree(found: transaction.Transaction) -> str:
    return "\n".join(f"{'  ' * item['depth']}{_name(item['table'], item['row'])}" for item in transaction.as_dict(found)["items"])


def _name(table: str, row: Mapping[str, Any]) -> str:
    if table == "exceptions":
        return f"! {row['type']}"
    if table == "traces":
        return f"[{shapes.SEVERITY_NAMES[row['severityLevel']]}] {row['message']}"
    if table == "customMetrics":
        spread = f" in {row['valueCount']} values from {row['valueMin']:g} to {row['valueMax']:g}" if row["valueCount"] != 1 else ""
        return f"{row['name']}: {row['value']:g}{spread}"
    return f"* {row['name']}" if table == "customEvents" else str(row["name"])


def _properties(found: transaction.Transaction, style: render.Style) -> str:
    lines = []
    for item in transaction.as_dict(found)["items"]:
        row = item["row"]
        properties = _pairs(row)
        line = (
            f"{_name(item['table'], row):<14} role {row['cloud_RoleName']:<20} version {row['application_Version'] or '-':<8} {properties}"
        )
        lines.append(render.fit(render.clean(line), style.width).rstrip())
    return "\n".join(lines)


def _pairs(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in row["customDimensions"].items())


def _wrapped_properties(row: Mapping[str, Any], style: render.Style) -> list[str]:
    # A hyphen is no place to break the path of a file.
    return textwrap.wrap(render.clean(_pairs(row)), style.width, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _heading(endpoint: LocalEndpoint, style: render.Style) -> None:
    print(_bold("Programs written for OpenCensus, unchanged, on OpenTelemetry.", style))
    told = (
        "Nothing in them knows of this project: `import opencensus` reaches it. They read where to send from "
        f"APPLICATIONINSIGHTS_CONNECTION_STRING, which names a local endpoint now: {endpoint.url} "
        "It checks every item as Application Insights does. Nothing leaves this machine."
    )
    print(f"\n{textwrap.fill(told, style.width, break_on_hyphens=False)}")


def _files(program: Program) -> str:
    lines = [f"examples/{file:<26} {len((EXAMPLES / file).read_text('utf-8').splitlines()):>3} lines, 0 changed" for file in program.files]
    return "\n".join(lines)


def _tables(endpoint: LocalEndpoint, style: render.Style) -> None:
    print(f"\n{_bold('What arrived, under the names of the portal', style)}\n")
    for name, most in (
        ("requests", 10),
        ("exceptions", 10),
        ("traces", 10),
        ("customEvents", 10),
        ("customMetrics", 10),
        ("dependencies", 8),
    ):
        rows = endpoint.rows(name)
        print(render.table(name, rows[-most:], style, total=len(rows)) + "\n")


def _compare(style: render.Style) -> list[str]:
    """Show what differs between a program on the retired SDK and here, and return what nobody knew of."""
    print(f"{_bold('What a program sent on the retired SDK, and what it sends now', style)}\n", flush=True)
    program = shlex.quote(str(EXAMPLES / COMPARED))
    before, after = (f"{shlex.quote(str(python))} {program}" for python in (RETIRED, sys.executable))
    compare = ["compare", "--before", before, "--after", after, "--accept-known", "bridge"]
    environment = {**_kept(), "COLUMNS": str(style.width), "PYTHONIOENCODING": sys.stdout.encoding or "ascii"}
    environment["LC_ALL"] = "en_US.UTF-8"  # the two may be different releases of Python, which read C.UTF-8 in different ways
    try:
        done = subprocess.run(
            [sys.executable, "-m", "opencensus_compat", *compare],
            env=environment,
            stdout=subprocess.PIPE,
            encoding=environment["PYTHONIOENCODING"],
            timeout=4 * TIME_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return [str(error)]
    print(done.stdout)
    return [f"{COMPARED}: the comparison with the retired SDK ended with {done.returncode}"] if done.returncode else []


def _ending(style: render.Style) -> None:
    folder = f"{Path.cwd()}{os.sep}"
    local = f"{Path(sys.executable).parent / 'census-compat'} local".replace(folder, "")
    database = str(DATABASE).replace(folder, "")
    print(f"{_bold('Look further', style)}\n")
    print(f"a table        {local} show dependencies --database {database}")
    print(f"a transaction  {local} transaction latest --database {database}")
    print(f"in a browser   make demo PAGES=1, or {local} --database {database} --look")
    print(f"your program   {local} -- python app.py")
    print(f"two programs   {local.removesuffix('local')}compare --before 'old/bin/python app.py' --after 'python app.py'")
    print("what differs   migration_guide/differences.md; `make test` runs these programs on the old SDK too")


def _bold(text: str, style: render.Style) -> str:
    return f"\x1b[1m{text}\x1b[0m" if style.colour else text


def _style() -> render.Style:
    terminal = sys.stdout.isatty()
    width = min(shutil.get_terminal_size((100, 24)).columns, WIDEST_COLUMNS)
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return render.Style(max(40, width), colour, encoding.startswith("utf"))


if __name__ == "__main__":
    sys.exit(main())
