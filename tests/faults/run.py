"""``make faults``: everything that can go wrong between a program and Application Insights, with real processes, and where each item went.

It prints a row for each fault as it ends, and writes the whole table into the migration guide. The exit code is 0 only if no item is
unaccounted for and all else that each fault demands holds.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import table
from harness import Account, Case, FaultError, UnavailableError, legacy_python, own_python, raised_limit

from faults import FAULTS, Fault
from opencensus_compat.local import LocalEndpoint

PAGE = Path(__file__).parents[2] / "migration_guide" / "faults.md"


def main() -> int:
    """Run the faults that the command line names, and return the exit code."""
    arguments = _arguments()
    raised_limit()
    chosen = [fault for fault in FAULTS if arguments.only.lower() in f"{fault.group}: {fault.name}".lower()]
    began_s = time.monotonic()
    said = threading.Lock()
    bad = 0
    rows: list[table.Row] = []
    legacy = legacy_python() if arguments.legacy else None
    if legacy is not None and not legacy.exists():
        sys.stdout.write(f"{legacy} does not exist, so the retired SDK is left out; `make envs` makes it\n")
        legacy = None
    with LocalEndpoint(store=False) as sink, ThreadPoolExecutor(arguments.workers) as pool:
        futures: list[tuple[Fault, Future[Account | str], Future[Account | str] | None]] = []
        for fault in chosen:
            ours = pool.submit(_run, fault, own_python(), legacy=False, sink=sink.connection_string)
            theirs = pool.submit(_run, fault, legacy, legacy=True, sink=sink.connection_string) if legacy and fault.legacy else None
            futures.append((fault, ours, theirs))
        for fault, ours, theirs in futures:
            row = table.Row(fault.group, fault.name, ours.result(), None if theirs is None else theirs.result())
            rows.append(row)
            with said:
                sys.stdout.write(table.line(row) + "\n")
                sys.stdout.flush()
            if isinstance(row.ours, Account) and row.ours.errors:
                bad += 1
                for error in row.ours.errors:
                    sys.stdout.write(f"    NOT AS EXPECTED  {error}\n")
    sys.stdout.write(f"\n{len(rows)} faults, {bad} not as expected, {time.monotonic() - began_s:.0f} s\n")
    if arguments.write and not bad and len(chosen) == len(FAULTS):
        PAGE.write_text(table.page(rows), encoding="utf-8")
        sys.stdout.write(f"written: {PAGE.relative_to(PAGE.parents[1])}\n")
    return 1 if bad else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make everything go wrong between a program and Application Insights.")
    parser.add_argument("only", nargs="?", default="", help="run only the faults whose name contains this")
    parser.add_argument("--workers", type=int, default=6, help="how many faults at one time (default: 6)")
    parser.add_argument("--no-legacy", dest="legacy", action="store_false", help="leave the retired SDK out")
    parser.add_argument("--write", action="store_true", help="write the table into the migration guide")
    return parser.parse_args()


def _run(fault: Fault, python: Path, *, legacy: bool, sink: str) -> Account | str:
    """Return the account of a fault, or why it cannot be made here."""
    with Case(python, legacy=legacy, sink=sink) as case:
        try:
            fault.run(case)
        except UnavailableError as error:
            return str(error)
        except FaultError as error:
            case.account.errors.append(str(error))
        except Exception:
            if legacy:
                raise  # nothing is required of it, so nobody would see this
            case.account.errors.append(traceback.format_exc())
        return case.settle()


if __name__ == "__main__":
    sys.exit(main())
