"""What a fault is made of: an endpoint, processes of programs, a folder for their temporary files, and the account of every item.

Nothing here looks into the programs: they run as their owners wrote them, and are told from outside how many spans to make. Where the
items are is read from the endpoint, from the files in the folder, and, at the end of a process, from the exporter's public counters.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opencensus_compat.local import LocalEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opencensus_compat.local import Rule

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
SETTINGS = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "APPLICATION_INSIGHTS_", "OPENCENSUS_COMPAT_", "OTEL_", "PYTHON")
"""Beginnings of the names of variables that programs do not inherit."""
OPTIONS = {"export_interval": 0.2, "minimum_retry_interval": 1, "timeout": 1.5}
"""Of the Azure exporters, in seconds: as short as a matrix needs that is run often. The defaults are 15, 60 and 10."""
PATIENCE_S = 15.0
"""For what must happen."""
LEGACY_PATIENCE_S = 4.0
"""For what may happen with the retired SDK: four times its retry interval."""
STEP_S = 0.02
_STORED = re.compile(r"\.jsonl\.gz$|\.blob(@.*\.lock)?$")
EXIT_BUDGET_S = 5.0
"""The option `grace_period`, left at its default."""
INTERPRETER_S = 1.5
"""What an interpreter takes to end on a busy machine, beside the budget."""


class FaultError(AssertionError):
    """What must hold did not."""


@dataclass(slots=True)
class Account:
    """Where the items of one fault are. Numbers are items; names are in ``missing`` and ``broken``."""

    offered: int = 0
    delivered: int = 0
    stored: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason to number."""
    duplicates: int = 0
    """Items beyond the first of each name, delivered or stored."""
    possibly_duplicated: int = 0
    """What the exporter says about that."""
    unaccounted: int = 0
    """Offered, and nowhere."""
    taken: int = 0
    """Taken away by the fault itself: files that it removed, memory of a process that it killed."""
    taken_by: str = ""
    """What did."""
    added: int = 0
    """What the fault itself says to be there beside what was offered."""
    added_by: str = ""
    """In which words."""
    starts: bool = True
    """Whether the program could be started at all under the fault."""
    recovery_s: float | None = None
    """From the end of the fault to the last delivery; None where there was none."""
    exit_s: float | None = None
    """How long the last process took to end."""
    broken: list[str] = field(default_factory=list)
    """Files that are not whole."""
    errors: list[str] = field(default_factory=list)
    """What must hold and did not."""


class Program:
    """A running program that makes spans when told to."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log

    def make(self, first: int, last: int, timeout_s: float = PATIENCE_S) -> None:
        """Let it make spans with these numbers, and wait until it says that it has.

        Raises:
            FaultError: It did not in time, or has ended.
        """
        self.ask(first, last)
        if self.line(timeout_s) != f"made {last}":
            raise FaultError(f"the program did not make spans: {self.log.read_text()[-2000:]}")

    def ask(self, first: int, last: int) -> None:
        """Let it make spans with these numbers."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{first} {last}\n")
            self.process.stdin.flush()

    def line(self, timeout_s: float) -> str:
        """Return its next line of output; empty when there is none in time."""
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        return self.process.stdout.readline().strip() if ready else ""

    def end(self, timeout_s: float = 30.0) -> float:
        """Let it end in its own way, and return how many seconds that took."""
        began_s = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        return self._ended(began_s, timeout_s)

    def terminate(self, timeout_s: float = 30.0) -> float:
        """Ask it to end with SIGTERM, and return how many seconds that took."""
        began_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self._ended(began_s, timeout_s)

    def kill(self) -> None:
        """End it with SIGKILL, and with it the children that it has in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._close()

    def _ended(self, began_s: float, timeout_s: float) -> float:
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise FaultError(f"the process did not end within {timeout_s:.0f} s") from None
        took_s = time.monotonic() - began_s
        self._close()
        return took_s

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


class Case:
    """One fault under way: its endpoint, programs and folder, and what was offered.

    Args:
        python: The interpreter to run programs with.
        legacy: Whether it has the retired SDK; then nothing is required, only counted.
        sink: Connection string for what the retired SDK says about itself.
    """

    def __init__(self, python: Path, *, legacy: bool, sink: str) -> None:
        self.python = python
        self.legacy = legacy
        self.endpoint = LocalEndpoint()
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        self.temporary = self.folder / "temporary"
        """What programs take for the system's folder for temporary files."""
        self.account = Account()
        self.accepts_loss = False
        """A process is killed: what is in its memory is lost, and its counters with it."""
        self._sink = sink
        self._counts = self.folder / "counts"
        self._next = 0
        self._programs: list[Program] = []
        self._strangers: list[LocalEndpoint] = []
        self._others: list[LocalEndpoint] = []
        self._mounted: list[Path] = []
        self._over_s: float | None = None
        self._expected: dict[str, int | None] = {}

    def __enter__(self) -> Case:
        self.temporary.mkdir()
        self._counts.mkdir()
        self.endpoint.start()
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._programs:
            if program.process.poll() is None:
                program.kill()
        self.endpoint.close()
        for other in (*self._strangers, *self._others):
            other.close()
        for folder in self._mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)
        shutil.rmtree(self.folder)

    # Starting programs.

    def start(
        self,
        program: str = "census.py",
        *arguments: str,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **options: Any,
    ) -> Program:
        """Start a program.

        Args:
            program: Name below ``programs/``.
            arguments: Of the program, after its options.
            command: Arguments of the interpreter instead of the program.
            environment: Variables beside the usual ones.
            before: Called in the child before the program.
            options: Of the exporter, beside ``OPTIONS``.
        """
        log = self.folder / f"log-{len(self._programs)}"
        said = json.dumps({**OPTIONS, **options})
        command = command or [str(PROGRAMS / program), said, *arguments]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
        with log.open("w") as errors:
            process = subprocess.Popen(
                [str(self.python), *command],
                cwd=PROGRAMS,
                env={
                    **kept,
                    "APPLICATIONINSIGHTS_CONNECTION_STRING": self.endpoint.connection_string,
                    "APPLICATION_INSIGHTS_STATS_CONNECTION_STRING": self._sink,
                    "TMPDIR": str(self.temporary),
                    "PYTHONPATH": str(HERE / "observer"),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "FAULTS_COUNTS": str(self._counts),
                    "OPTIONS": said,
                    **(environment or {}),
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=before,
                start_new_session=True,
            )
        self._programs.append(Program(process, log))
        return self._programs[-1]

    def stranger(self) -> LocalEndpoint:
        """Return another endpoint, which must never receive anything."""
        self._strangers.append(LocalEndpoint())
        self._strangers[-1].start()
        return self._strangers[-1]

    def second_endpoint(self, *misbehaviour: Rule) -> LocalEndpoint:
        """Return another endpoint that may receive items; what it accepts counts as delivered."""
        self._others.append(LocalEndpoint(misbehaviour=misbehaviour))
        self._others[-1].start()
        return self._others[-1]

    def mount(self, folder: Path, options: str) -> None:
        """Put a file system of its own, in memory, over a folder.

        Raises:
            Unavailable: This user must not.
        """
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnavailableError("needs root, to mount a tmpfs")
        self._mounted.append(folder)

    # Driving them.

    def offer(self, program: Program, items: int = 20) -> None:
        """Let a program make some spans."""
        try:
            program.make(*self.numbers(items))
        except FaultError:
            self.account.starts = program.process.poll() is None
            raise

    def numbers(self, items: int) -> tuple[int, int]:
        """Return the numbers of the next items, the first and the one after the last; they count as offered."""
        first, self._next = self._next, self._next + items
        return first, self._next

    @property
    def offered_so_far(self) -> int:
        """How many items have been offered."""
        return self._next

    @property
    def offered(self) -> set[str]:
        """Names of the items offered so far."""
        return {f"item {number}" for number in range(self._next)}

    def over(self) -> None:
        """Note that the fault ends now, and let the endpoint behave."""
        self.endpoint.behave()
        self._over_s = time.time()

    def over_but_misbehaving(self) -> None:
        """Note that the fault ends now; the endpoint's rules stay."""
        self._over_s = time.time()

    def end_in_time(self, program: Program) -> None:
        """Let a program end, which must not take longer than the exit budget and what an interpreter takes anyway."""
        took_s = self.account.exit_s = program.end(60.0)
        if took_s > EXIT_BUDGET_S + INTERPRETER_S and not self.legacy:
            self.account.errors.append(f"the exit took {took_s:.1f} s")

    def expect(self, *, delivered: int | None = 0, stored: int | None = 0, dropped: int | None = 0) -> None:
        """Say where the items must be in the end; None leaves it open."""
        self._expected = {"delivered": delivered, "stored": stored, "dropped": dropped}

    def until(self, holds: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until something holds, and return whether it does; note when it must and does not."""
        deadline_s = time.monotonic() + (min(timeout_s, LEGACY_PATIENCE_S) if self.legacy else timeout_s)
        while not holds():
            if time.monotonic() > deadline_s:
                if not self.legacy:
                    self.account.errors.append(f"not within {timeout_s:.0f} s: {what}")
                return False
            time.sleep(STEP_S)
        return True

    def until_delivered(self, items: int | None = None, timeout_s: float = PATIENCE_S) -> None:
        """Wait until so many items, or all that were offered, are with the endpoint."""
        wanted = self._next if items is None else items
        endpoints = (self.endpoint, *self._others)
        self.until(
            lambda: sum(endpoint.accepted for endpoint in endpoints) >= wanted and len(self.delivered()) >= wanted,
            f"{wanted} items delivered",
            timeout_s,
        )

    def until_stored(self, items: int) -> None:
        """Wait until so many items are on disk."""
        self.until(lambda: sum(self.stored().values()) >= items, f"{items} items stored")

    def until_requests(self, requests: int) -> None:
        """Wait until so many requests have arrived, answered or not."""
        self.until(lambda: len(self.endpoint.requests) >= requests, f"{requests} requests")

    # Reading where the items are.

    def delivered(self) -> Counter[str]:
        """Return names and how often each arrived."""
        envelopes = (envelope for endpoint in (self.endpoint, *self._others) for envelope in endpoint.envelopes())
        return Counter(envelope["data"]["baseData"]["name"] for envelope in envelopes)

    def stored(self) -> Counter[str]:
        """Return names and how often each is on disk; files that are not whole are noted."""
        names: Counter[str] = Counter()
        self.account.broken = []
        for file in self.files():
            try:
                data = file.read_bytes()
            except FileNotFoundError:
                continue
            try:
                lines = (zlib.decompress(data, 31) if file.suffix == ".gz" else data).splitlines()
                names.update(json.loads(line)["data"]["baseData"]["name"] for line in lines)
            except (ValueError, KeyError, zlib.error):
                self.account.broken.append(file.name)
        return names

    def files(self) -> list[Path]:
        """Return the files of stored items: our store's, and the retired SDK's."""
        found: list[Path] = []
        # A folder may go while we look.
        with contextlib.suppress(FileNotFoundError):
            found.extend(file for file in sorted(self.temporary.rglob("*")) if _STORED.search(file.name) and not file.is_symlink())
        return found

    def settle(self) -> Account:
        """Return the account, when all programs have ended."""
        account = self.account
        self.endpoint.wait_idle()
        delivered, stored = self.delivered(), self.stored()
        account.offered = self._next
        account.delivered = len(set(delivered))
        account.stored = len(set(stored) - set(delivered))
        account.duplicates = sum((delivered + stored).values()) - len(set(delivered) | set(stored))
        told = list(self._told())
        dropped: Counter[str] = sum((Counter(counts["dropped"]) for counts in told), Counter())
        account.dropped = dict(dropped)
        account.possibly_duplicated = sum(counts.get("possibly_duplicated") or 0 for counts in told)
        account.unaccounted = (
            account.offered + account.added - account.delivered - account.stored - sum(account.dropped.values()) - account.taken
        )
        if self.accepts_loss:
            account.taken += account.unaccounted
            account.taken_by = "in the memory of killed processes"
            account.unaccounted = 0
        account.recovery_s = self._recovery_s()
        if not self.legacy:
            account.errors += self._errors(delivered, stored)
        return account

    def _told(self) -> Iterable[dict[str, Any]]:
        for file in sorted(self._counts.iterdir()):
            yield from json.loads(file.read_text())

    def _recovery_s(self) -> float | None:
        requests = [request for endpoint in (self.endpoint, *self._others) for request in endpoint.requests]
        over_s, rules = self._over_s, False
        if over_s is None:
            # A fault that ended by itself: with the last request that was mistreated.
            over_s, rules = max((request.time_s for request in requests if request.rules), default=None), True
        last_s = max((request.time_s for request in requests if request.accepted and not (rules and request.rules)), default=None)
        return None if over_s is None or last_s is None or last_s < over_s else last_s - over_s

    def _errors(self, delivered: Counter[str], stored: Counter[str]) -> Iterable[str]:
        account = self.account
        found = {"delivered": account.delivered, "stored": account.stored, "dropped": sum(account.dropped.values())}
        for what, number in self._expected.items():
            if number is not None and found[what] != number:
                yield f"{found[what]} items {what}, expected {number}"
        if account.unaccounted:
            yield f"{account.unaccounted} items unaccounted for"
        if unknown := (set(delivered) | set(stored)) - self.offered:
            yield f"items that were never offered: {sorted(unknown)[:3]}"
        if account.duplicates > account.possibly_duplicated and not self.accepts_loss:
            yield f"{account.duplicates} duplicates, of which {account.possibly_duplicated} are counted as possible"
        if account.broken:
            yield f"files that are not whole: {account.broken[:3]}"
        if any(stranger.received or stranger.connections for stranger in self._strangers):
            yield "a stranger received something"
        if self.endpoint.refused:
            yield f"refused: {self.endpoint.refused[0].message}"
        for program in self._programs:
            text = program.log.read_text()
            if "Traceback" in text:
                yield f"{program.log.name}: {text[text.index('Traceback') :][:3000]}"


class UnavailableError(Exception):
    """The fault cannot be made here; the message says what is missing."""


def raised_limit() -> None:
    """Let this process open as many files as it may: every fault has an endpoint of its own."""
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def legacy_python() -> Path:
    """Return the interpreter that has the retired SDK."""
    # Not resolved: the link is what makes it the interpreter of its environment.
    return Path(os.environ.get("CENSUS_COMPAT_LEGACY_PYTHON") or HERE.parents[1] / ".venvs/legacy/bin/python").absolute()


def own_python() -> Path:
    """Return the interpreter that has this package."""
    return Path(sys.executable)
