"""The faults: what goes wrong, while which program runs, and where its items must be in the end."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import json
import os
import re
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from harness import OPTIONS, PATIENCE_S, Case, FaultError, Program, UnavailableError
from secure import BAD, Authority, Between, Front, Proxy, drips, says

from appinsights_exporter.delivery.names import default_folder
from opencensus_compat.local.misbehave import (
    Close,
    DelayRead,
    DelayReply,
    Garbage,
    Huge,
    LimitBody,
    LoseReply,
    Partial,
    Redirect,
    RequireAuthorization,
    ResetAfterRead,
    ResetBeforeRead,
    ResetDuringRead,
    Rule,
    Silence,
    SlowReply,
    Status,
    Throttle,
    Truncate,
)

_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
_DAYS_S = 86400
_GROUP = 500
"""Stored items that are sent in one request: what a kill between acceptance and deletion may send again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the matrix."""

    group: str
    name: str
    run: Callable[[Case], None]
    """Makes the fault, and says what is expected in the end."""
    legacy: bool = True
    """Whether the retired SDK goes through it, too."""


# Replies.


def answered(*rules: Rule, native: bool = False) -> Callable[[Case], None]:
    """Return a fault that ends by itself, after which everything arrives."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(*rules)
        program = case.start("native.py" if native else "census.py")
        case.offer(program)
        case.until_delivered()
        program.end()
        case.expect(delivered=20)

    return run


def refused(*rules: Rule, native: bool = False, requests: int = 1) -> Callable[[Case], None]:
    """Return a fault in which the service gives items up for good: they are counted, and later ones arrive."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(*rules)
        program = case.start("native.py" if native else "census.py")
        case.offer(program)
        case.until_requests(requests)
        case.over()
        case.offer(program)
        case.until_delivered(20)
        program.end()
        case.expect(delivered=20, dropped=20)

    return run


def quota(code: int, retry_after: str | None) -> Callable[[Case], None]:
    """Return a fault in which the quota is used up: nothing is sent for a while, and what comes meanwhile is counted as dropped."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(Status(code, retry_after=retry_after))
        program = case.start()
        case.offer(program)
        case.until_requests(1)
        case.over()
        if retry_after is not None:
            # The pause is over when this much time has passed since the reply.
            threading.Event().wait(float(retry_after) + 0.5)
            case.offer(program)
            case.until_delivered(20)
            program.end()
            case.expect(delivered=20, dropped=20)
        else:
            case.offer(program)
            program.end()
            case.expect(dropped=40)
            if not case.legacy and len(case.endpoint.requests) > 1:
                raise FaultError("it went on sending although the quota was used up")

    return run


def partial(statuses: list[int], delivered: int, dropped: int, code: int | None = None) -> Callable[[Case], None]:
    """Return a fault in which one reply gives each item a status of its own."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(Partial(statuses, code=code, times=1))
        program = case.start()
        case.offer(program)
        case.until_delivered(delivered)
        program.end()
        case.expect(delivered=delivered, dropped=dropped)

    return run


def sampled_out(case: Case) -> None:
    """Let the service sample half of the items out: they are not sent again, and count as accepted."""
    case.endpoint.misbehave(Partial([200, 206], times=1))
    program = case.start()
    case.offer(program)
    case.until_requests(1)
    program.end()
    case.account.taken, case.account.taken_by = 10, "sampled out"
    case.expect(delivered=10)


def retry_after(value: Callable[[], str], at_least_s: float, *, native: bool = False) -> Callable[[Case], None]:
    """Return a fault in which the service asks for patience; it must be given."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(Status(429, retry_after=value(), times=1))
        program = case.start("native.py" if native else "census.py")
        case.offer(program)
        case.until_delivered()
        program.end()
        case.expect(delivered=20)
        requests = case.endpoint.requests
        if not case.legacy and len(requests) > 1 and requests[1].time_s - requests[0].time_s < at_least_s:
            raise FaultError(f"asked again after {requests[1].time_s - requests[0].time_s:.1f} s")

    return run


def far_retry_after(case: Case) -> None:
    """Let the service ask for a day: the items stay on disk, and the process ends in time."""
    case.endpoint.misbehave(Status(429, retry_after="86400", times=1))
    program = case.start()
    case.offer(program)
    case.until_stored(20)
    case.account.exit_s = program.end()
    case.expect(stored=20)


def throttled(case: Case) -> None:
    """Let the service take 100 items a second, while 300 come at once."""
    case.endpoint.misbehave(Throttle(100, burst=100))
    program = case.start(max_batch_size=50)
    case.offer(program, 300)
    case.until_delivered(timeout_s=40)
    program.end()
    case.expect(delivered=300)


def too_large(case: Case) -> None:
    """Let the service take small bodies only: the batch is split."""
    case.endpoint.misbehave(LimitBody(1000))
    program = case.start()
    case.offer(program, 300)
    case.until_delivered()
    program.end()
    case.expect(delivered=300)


def single_too_large(case: Case) -> None:
    """Let the service take no body at all: lone items are given up."""
    case.endpoint.misbehave(LimitBody(10))
    program = case.start()
    case.offer(program, 8)
    case.until_requests(15)
    program.end()
    case.expect(dropped=8)


# Redirects.


def moved(case: Case) -> None:
    """Move the endpoint to another port of the same host."""
    other = case.second_endpoint()
    case.endpoint.misbehave(Redirect(location=f"{other.url}v2.1/track", times=1))
    program = case.start()
    case.offer(program)
    case.until_delivered()
    program.end()
    case.expect(delivered=20)


def to_stranger(case: Case) -> None:
    """Point to a host that is not trusted: it never hears of us, and the items are kept."""
    _lead_astray(case, case.start())


def to_stranger_with_token(case: Case) -> None:
    """Point a signed-in program to a host that is not trusted: neither items nor token arrive there."""
    _lead_astray(case, case.start("signed_in.py", credential(case, token="right", expires_in_s=3600)))


def _lead_astray(case: Case, program: Program) -> None:
    stranger = case.stranger()
    case.endpoint.misbehave(Redirect(location=f"{stranger.url.replace('127.0.0.1', 'localhost')}v2.1/track"))
    case.offer(program)
    case.until_requests(2)
    case.over()
    case.offer(program)
    case.until_delivered()
    program.end()
    case.expect(delivered=40)


def redirect_loop(code: int) -> Callable[[Case], None]:
    """Return a fault in which the endpoint redirects to itself for ever: a try makes ten hops at most, and the items are kept."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(Redirect(code=code))
        program = case.start()
        case.offer(program)
        case.until_requests(22)
        times_s = [request.time_s for request in case.endpoint.requests]
        case.over()
        case.offer(program)
        case.until_delivered()
        program.end()
        case.expect(delivered=40)
        longest_s = max(later - earlier for earlier, later in pairwise(times_s))
        if longest_s < OPTIONS["minimum_retry_interval"] / 2 and not case.legacy:
            raise FaultError("the redirects had no end")

    return run


# Outages.


def down_and_back(native: bool = False) -> Callable[[Case], None]:
    """Return a fault in which the endpoint is away while items come; then nothing more comes, and they are sent all the same."""

    def run(case: Case) -> None:
        case.endpoint.stop()
        program = case.start("native.py" if native else "census.py")
        for _ in range(3):
            case.offer(program)
            case.until_stored(case.offered_so_far)
        case.endpoint.start()
        case.over()
        case.until_delivered(timeout_s=40 if native else PATIENCE_S)
        program.end()
        case.expect(delivered=60)

    return run


# Certificates and proxies.


def secured(case: Case, authority: Authority, front: Front) -> dict[str, str]:
    """Return what a program is to find in its environment to send to a front, which it checks against an authority."""
    trusted = case.folder / "authority.pem"
    trusted.write_bytes(authority.pem())
    key = case.endpoint.connection_string.partition(";")[0]
    return {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": f"{key};IngestionEndpoint={front.url}",
        "REQUESTS_CA_BUNDLE": str(trusted),
    }


def bad_certificate(kind: str, *, later: bool = False) -> Callable[[Case], None]:
    """Return a fault in which the service's certificate is bad, from the start or after a good one; then there is a good one."""

    def run(case: Case) -> None:
        authority = Authority("trusted")
        good, bad = authority.server(case.folder), BAD[kind](authority, case.folder)
        with contextlib.closing(Front(good if later else bad, case.endpoint.url)) as front:
            program = case.start(environment=secured(case, authority, front))
            if later:
                case.offer(program)
                case.until_delivered()
                front.settings = bad
                case.endpoint.misbehave(Close(times=1))
                # Takes the connection with the good certificate away.
                case.offer(program)
                case.until_delivered(40)
            case.offer(program)
            case.until_stored(20)
            front.settings = good
            case.over()
            case.until_delivered()
            program.end()
        case.expect(delivered=case.offered_so_far)

    return run


def no_tunnel(status: int) -> Callable[[Case], None]:
    """Return a fault in which the proxy opens no tunnel to the service; later it does."""

    def run(case: Case) -> None:
        authority = Authority("trusted")
        with (
            contextlib.closing(Front(authority.server(case.folder), case.endpoint.url)) as front,
            contextlib.closing(Proxy(status)) as proxy,
        ):
            program = case.start(environment=secured(case, authority, front), proxies=json.dumps({"https": proxy.url}))
            case.offer(program)
            case.until_stored(20)
            proxy.status = 200
            case.over()
            case.until_delivered()
            program.end()
            if not proxy.asked:
                raise FaultError("the proxy was not asked")
        case.expect(delivered=20)

    return run


def disturbed(answer: Callable[[socket.socket], None]) -> Callable[[Case], None]:
    """Return a fault in which somebody between program and service answers; later the service does."""

    def run(case: Case) -> None:
        with contextlib.closing(Between(case.endpoint.url, answer)) as between:
            key = case.endpoint.connection_string.partition(";")[0]
            program = case.start(environment={"APPLICATIONINSIGHTS_CONNECTION_STRING": f"{key};IngestionEndpoint={between.url}"})
            case.offer(program)
            case.until_stored(20)
            between.answer = None
            case.over()
            case.until_delivered()
            program.end()
        case.expect(delivered=20)

    return run


def unusable_proxy(url: str) -> Callable[[Case], None]:
    """Return a fault in which the option `proxies` holds nonsense; a later process has it right."""

    def run(case: Case) -> None:
        program = case.start(proxies=json.dumps({"http": url}))
        case.offer(program)
        case.until_stored(20)
        program.end()
        case.over()
        program = case.start()
        case.offer(program, 1)
        case.until_delivered()
        program.end()
        case.expect(delivered=21)

    return run


def unexplained(body: str, *, code: int = 200, times: int | None = None) -> Callable[[Case], None]:
    """Return a fault in which the service neither takes items nor says why, once or for good: then they are counted."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(Status(code, body=body, accept=False, times=times))
        program = case.start()
        case.offer(program)
        if times is None:
            case.until_requests(2 if code == 200 else 1)
            case.over()
            case.offer(program)
        case.until_delivered(20)
        program.end()
        case.expect(delivered=20, dropped=0 if times else 20)

    return run


def down_while_running(case: Case) -> None:
    """Take the endpoint away in the middle of a stream of items."""
    program = case.start()
    case.offer(program, 100)
    case.until_delivered(100)
    case.endpoint.stop()
    case.offer(program, 100)
    case.until_stored(100)
    case.endpoint.start()
    case.over()
    case.offer(program, 100)
    case.until_delivered()
    program.end()
    case.expect(delivered=300)


def across_restart(native: bool = False) -> Callable[[Case], None]:
    """Return a fault in which the process ends while the endpoint is away, and another one sends what it left."""

    def run(case: Case) -> None:
        case.endpoint.stop()
        program = case.start("native.py" if native else "census.py")
        case.offer(program)
        case.account.exit_s = program.end()
        case.until_stored(20)
        case.endpoint.start()
        case.over()
        program = case.start("native.py" if native else "census.py")
        case.offer(program, 1)
        case.until_delivered()
        program.end()
        case.expect(delivered=21)

    return run


def never_back(case: Case) -> None:
    """Let the process end while the endpoint is away: its items are on disk, and it did not wait for long."""
    case.endpoint.stop()
    program = case.start(export_interval=60)
    case.offer(program)
    case.end_in_time(program)
    case.expect(stored=20)


def blocked_exit(*rules: Rule) -> Callable[[Case], None]:
    """Return a fault in which the process ends while the endpoint keeps it waiting, with the default limits on replies."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(*rules)
        program = case.start(export_interval=60, timeout=10)
        case.offer(program)
        case.end_in_time(program)
        case.expect(stored=20)

    return run


def slow_processor(case: Case) -> None:
    """Let a process end whose telemetry processor takes so long that most items do not get through it in time: those are counted."""
    program = case.start("processors.py", "slow", export_interval=60)
    case.offer(program)
    case.end_in_time(program)
    case.expect(delivered=None, dropped=None)


def processor_ends_threads(case: Case) -> None:
    """Raise SystemExit in a telemetry processor: it costs the items that it was raised for, and later ones arrive."""
    program = case.start("processors.py", "ends threads")
    case.offer(program)
    case.until_delivered(18)
    case.offer(program)
    case.until_delivered(36)
    program.end()
    case.expect(delivered=36, dropped=4)


def silent_for_four(case: Case) -> None:
    """Let a process end whose four exporters send to four resources, none of which answers."""
    case.endpoint.misbehave(Silence())
    others = [case.second_endpoint(Silence()) for _ in range(3)]
    connection_strings = [case.endpoint.connection_string, *(other.connection_string for other in others)]
    program = case.start("four.py", json.dumps(connection_strings), export_interval=60, timeout=10)
    case.offer(program)
    case.end_in_time(program)
    case.expect(stored=20)


def terminated(case: Case) -> None:
    """End a program that does nothing about it with SIGTERM, as `docker stop` does, while the endpoint is away."""
    case.endpoint.stop()
    program = case.start()
    case.offer(program)
    case.until_stored(20)
    program.terminate()
    case.accepts_loss = True
    case.expect(stored=20)


def overflow(case: Case) -> None:
    """Make more items than the queue holds, while the endpoint answers to nothing."""
    case.endpoint.misbehave(Silence())
    program = case.start(queue_capacity=100, max_batch_size=50, timeout=10)
    case.offer(program, 50)
    case.until_requests(1)
    case.offer(program, 1000)
    case.account.exit_s = program.end()
    case.expect(stored=None, dropped=None)


# Disk.


def _fill(folder: Path) -> None:
    with (folder / "ballast").open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), bytes(4096))
        except OSError:
            pass


def disk_full(*, comes_back: bool) -> Callable[[Case], None]:
    """Return a fault in which the disk has no room, and the endpoint is away."""

    def run(case: Case) -> None:
        case.mount(case.temporary, "size=256k")
        _fill(case.temporary)
        _without_disk(case, comes_back=comes_back)

    return run


def disk_fills_up(case: Case) -> None:
    """Let the disk fill up while items are stored: old ones make room for new ones, and are counted."""
    case.mount(case.temporary, "size=64k")
    case.endpoint.stop()
    program = case.start(max_batch_size=100)
    for _ in range(30):
        case.offer(program, 100)
        threading.Event().wait(0.25)
    case.endpoint.start()
    case.over()
    case.until(lambda: not case.files() and bool(case.endpoint.accepted), "the store empty")
    program.end()
    case.expect(delivered=None, dropped=None)


def _without_disk(case: Case, *, comes_back: bool, before: Callable[[], None] | None = None, names_folder: bool = True) -> None:
    """Run a program that cannot store while the endpoint is away: items wait in memory, and are counted as lost when it must end."""
    case.endpoint.stop()
    # Named in the options: without that, Python looks for a better folder elsewhere.
    program = case.start(before=before, **({"storage_path": str(case.temporary / "stored")} if names_folder else {}))
    for _ in range(3):
        case.offer(program)
        threading.Event().wait(2 * OPTIONS["export_interval"])
    if comes_back:
        case.endpoint.start()
        case.over()
        case.until_delivered()
        program.end()
        case.expect(delivered=60)
    else:
        case.end_in_time(program)
        case.expect(dropped=60)


def file_size_limit(*, names_folder: bool) -> Callable[[Case], None]:
    """Return a fault in which the process must not write files, as after `ulimit -f 0`.

    Args:
        names_folder: Whether the program says where to store; if not, Python finds no folder for temporary files.
    """

    def run(case: Case) -> None:
        import resource

        def forbid() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

        _without_disk(case, comes_back=True, before=forbid, names_folder=names_folder)
        if not names_folder:
            # An empty folder can be made, where the system's usually are; it is outside the case's own.
            with contextlib.suppress(FileNotFoundError):
                default_folder(case.endpoint.instrumentation_key, case.endpoint.url, "/tmp").rmdir()

    return run


def read_only(*, comes_back: bool) -> Callable[[Case], None]:
    """Return a fault in which the folder is on a disk that cannot be written."""

    def run(case: Case) -> None:
        case.mount(case.temporary, "ro")
        _without_disk(case, comes_back=comes_back)

    return run


def not_a_folder(case: Case) -> None:
    """Put a file where the folder for temporary files should be."""
    case.temporary.rmdir()
    case.temporary.touch()
    _without_disk(case, comes_back=True)


def folder_removed(case: Case) -> None:
    """Remove the folder, and what is in it, under a running program."""
    case.endpoint.stop()
    program = case.start()
    case.offer(program)
    case.until_stored(20)
    for folder in case.temporary.iterdir():
        shutil.rmtree(folder)
    case.account.taken, case.account.taken_by = 20, "in the folder"
    case.offer(program)
    case.until_stored(20)
    case.endpoint.start()
    case.over()
    case.until_delivered(20)
    program.end()
    case.expect(delivered=20)


def corrupt_files(case: Case) -> None:
    """Damage stored files in four ways, and put files of no sense beside them: what can be read arrives, the rest is counted."""
    case.endpoint.stop()
    program = case.start()
    for _ in range(5):
        case.offer(program)
        case.until_stored(case.offered_so_far)
    files = case.files()
    for file, damage in zip(files, (_emptied, _halved, _flipped, _zeroed), strict=False):
        file.write_bytes(damage(file.read_bytes()))
    if files:
        folder = files[0].parent
        (folder / "20200101T000000000000-0123456789abcdef-3.jsonl.gz").write_bytes(b"no gzip file at all")
        (folder / "notes.txt").write_text("not ours")
        (folder / "20300101T000000000000-0123456789abcdef-3.jsonl.gz").symlink_to("/etc/passwd")
    case.endpoint.start()
    case.over()
    case.until(lambda: len(case.delivered()) >= 20, "what is whole delivered")
    program.end()
    # They count as lost, too.
    case.account.added, case.account.added_by = 3, "that one more file says it has"
    case.expect(delivered=None, dropped=None)


def _emptied(data: bytes) -> bytes:
    return data[:0]


def _halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _zeroed(data: bytes) -> bytes:
    return bytes(len(data))


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


# Processes.


def killed(native: bool = False) -> Callable[[Case], None]:
    """Return a fault in which processes are killed one after another while they store a storm of items; the last one sends what is left."""

    def run(case: Case) -> None:
        name = "native.py" if native else "census.py"
        on_disk: set[str] = set()
        for wait_s in (0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
            case.endpoint.behave()
            case.endpoint.misbehave(Status(503, every=2), LoseReply(every=3, skip=1))
            program = case.start(name, export_interval=0.1, max_batch_size=50)
            case.offer(program, 50)
            program.ask(*case.numbers(1000))
            threading.Event().wait(wait_s)
            program.kill()
            on_disk.update(case.stored())
        _send_the_rest(case, name, on_disk)

    return run


def killed_while_sending(case: Case) -> None:
    """Kill processes one after another while they send what was stored; the last one sends what is left."""
    case.endpoint.stop()
    program = case.start(max_batch_size=50)
    for _ in range(40):
        case.offer(program, 50)
    program.end()
    on_disk = set(case.stored())
    case.endpoint.start()
    for _ in range(4):
        case.endpoint.misbehave(DelayReply(0.3))
        program = case.start()
        case.offer(program, 1)
        case.until_requests(len(case.endpoint.requests) + 2)
        program.kill()
    _send_the_rest(case, "census.py", on_disk)
    twice = sum(case.delivered().values()) - len(case.delivered())
    if twice > 4 * _GROUP and not case.legacy:
        raise FaultError(f"{twice} items arrived twice: more than a group for each kill")


def _send_the_rest(case: Case, name: str, on_disk: set[str]) -> None:
    """Let a last process send what killed ones left: what was on disk must arrive, and nothing be broken."""
    case.over()
    program = case.start(name)
    case.offer(program)
    case.until(lambda: not case.files() and f"item {case.offered_so_far - 1}" in case.delivered(), "the store empty", 40)
    program.end()
    case.accepts_loss = True
    case.expect(delivered=None)
    if case.legacy:
        return
    if missing := on_disk - set(case.delivered()):
        raise FaultError(f"{len(missing)} items were on disk and never arrived")


def forked(kind: str, *, down: bool = False) -> Callable[[Case], None]:
    """Return a fault in which a process makes children, and all of them make items."""

    def run(case: Case) -> None:
        if down:
            case.endpoint.stop()
        program = case.start("forks.py", kind, export_interval=60)
        case.offer(program, 40)
        program.end()
        case.expect(**({"stored": 40} if down else {"delivered": 40}))

    return run


def served(*arguments: str, down: bool = False) -> Callable[[Case], None]:
    """Return a fault in which gunicorn's workers make items, and SIGTERM ends them before their interval is over."""

    def run(case: Case) -> None:
        if down:
            case.endpoint.stop()
        options = json.dumps({**OPTIONS, "export_interval": 60})
        server = case.start(
            command=[
                "-m",
                "gunicorn",
                "--bind",
                "127.0.0.1:0",
                "--workers",
                "2",
                "--worker-tmp-dir",
                str(case.folder),
                *arguments,
                "web:app",
            ],
            environment={"OPTIONS": options},
        )
        found = [""]

        def listening() -> bool:
            text = server.log.read_text()
            match = re.search(r"Listening at: (http://[\d.:]+)", text)
            found[0] = match[1] if match else ""
            return bool(match) and text.count("Booting worker") >= 2

        if not case.until(listening, "gunicorn listening", 20):
            return
        first, last = case.numbers(40)
        for number in range(first, last):
            with urllib.request.urlopen(f"{found[0]}/?{number}", timeout=PATIENCE_S) as reply:
                reply.read()
        case.account.exit_s = server.terminate()
        case.expect(**({"stored": 40} if down else {"delivered": 40}))

    return run


def queued(*, down: bool = False) -> Callable[[Case], None]:
    """Return a fault in which Celery's prefork workers make items, and SIGTERM ends them before their interval is over."""

    def run(case: Case) -> None:
        if down:
            case.endpoint.stop()
        queue = case.folder / "queue"
        queue.mkdir()
        environment = {"OPTIONS": json.dumps({**OPTIONS, "export_interval": 60}), "QUEUE": str(queue)}
        arguments = "--pool prefork --concurrency 2 --without-gossip --without-mingle --without-heartbeat --loglevel WARNING"
        worker = case.start(command=["-m", "celery", "--app", "tasks", "worker", *arguments.split()], environment=environment)
        client = case.start(command=["tasks.py"], environment=environment)
        case.offer(client, 40)
        client.end()
        case.until(lambda: len(list(queue.glob("*.done"))) == 40, "all tasks done", 30)
        case.account.exit_s = worker.terminate()
        case.expect(**({"stored": 40} if down else {"delivered": 40}))

    return run


def two_processes(case: Case) -> None:
    """Let two processes store in one folder and send from it."""
    case.endpoint.stop()
    programs = [case.start(), case.start()]
    for _ in range(3):
        for program in programs:
            case.offer(program)
    case.until_stored(120)
    case.endpoint.start()
    case.over()
    case.until_delivered()
    for program in programs:
        program.end()
    case.expect(delivered=120)


def clock_jump(days: int) -> Callable[[Case], None]:
    """Return a fault in which the wall clock of the running process jumps while items are stored."""

    def run(case: Case) -> None:
        if not _FAKETIME:
            raise UnavailableError("needs libfaketime (Debian: faketime)")
        clock = case.folder / "clock"
        clock.write_text("+0\n")
        case.endpoint.stop()
        program = case.start(
            environment={
                "LD_PRELOAD": str(_FAKETIME[0]),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
            timeout=1,
        )
        case.offer(program)
        case.until_stored(20)
        clock.write_text(f"{days * _DAYS_S:+d}\n")
        # Long enough for an attempt that fails after the jump.
        threading.Event().wait(1.5)
        case.endpoint.start()
        case.over()
        case.until_delivered()
        program.end()
        case.expect(delivered=20)

    return run


# Tokens.


def credential(case: Case, **says: object) -> str:
    """Write what the program's credential does from now on, and return the file's path."""
    path = case.folder / "credential"
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(says))
    temporary.replace(path)
    return str(path)


def wrong_token(code: int) -> Callable[[Case], None]:
    """Return a fault in which the service does not accept the token, until the credential gives another."""

    def run(case: Case) -> None:
        case.endpoint.misbehave(RequireAuthorization(token="right", code=code))
        program = case.start("signed_in.py", credential(case, token="wrong", expires_in_s=3600))
        case.offer(program)
        case.until_stored(20)
        if code == 401:
            credential(case, token="right", expires_in_s=3600)
            case.over_but_misbehaving()
        else:
            case.over()
        case.until_delivered(timeout_s=25)
        program.end()
        case.expect(delivered=20)

    return run


def token_expires(case: Case) -> None:
    """Give out tokens that have expired; later a good one."""
    case.endpoint.misbehave(RequireAuthorization(token="right"))
    program = case.start("signed_in.py", credential(case, token="old", expires_in_s=-60))
    case.offer(program)
    case.until_stored(20)
    credential(case, token="right", expires_in_s=3600)
    case.over_but_misbehaving()
    case.until_delivered(timeout_s=25)
    program.end()
    case.expect(delivered=20)


def token_endpoint_down(case: Case) -> None:
    """Let the credential fail; later it works."""
    case.endpoint.misbehave(RequireAuthorization(token="right"))
    program = case.start("signed_in.py", credential(case, error="the token endpoint is down"))
    case.offer(program)
    case.until_stored(20)
    credential(case, token="right", expires_in_s=3600)
    case.over_but_misbehaving()
    case.until_delivered(timeout_s=25)
    program.end()
    case.expect(delivered=20)


def token_endpoint_silent(case: Case) -> None:
    """Let the credential hang while the process ends."""
    case.endpoint.misbehave(RequireAuthorization(token="right"))
    program = case.start("signed_in.py", credential(case, token="right", expires_in_s=3600, after_s=60), export_interval=60, timeout=10)
    case.offer(program)
    case.end_in_time(program)
    case.expect(stored=20)


_S, _R, _T, _O, _D, _P, _C, _A = (
    "Statuses",
    "Redirects",
    "Connections",
    "Outages and exit",
    "Disk",
    "Processes",
    "Clock",
    "Entra ID",
)


_NONE = '{"itemsReceived": 20, "itemsAccepted": 0, "errors": []}'
_ONE = json.dumps({"itemsReceived": 20, "itemsAccepted": 0, "errors": [{"index": 0, "statusCode": 400, "message": "x"}] * 20})
_TWO_LENGTHS = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 7\r\n\r\n{}"


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    body = gzip.compress(gzip.compress(bytes(2**26)))
    return b"HTTP/1.1 500 No\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


FAULTS: tuple[Fault, ...] = (
    Fault(_S, "200 with an empty body", answered(Status(200, body="", times=1))),
    Fault(_S, "200 whose body is not JSON", answered(Garbage(valid_http=True, times=1))),
    Fault(_S, "200 that lists errors of some items", partial([200, 500], 20, 0, code=200)),
    Fault(_S, "206: 408, 429, 439, 500, 503 and good", partial([200, 408, 429, 500, 503], 20, 0)),
    Fault(_S, "206: 400 and good", partial([200, 400], 10, 10)),
    Fault(_S, "206: sampled out by the service", sampled_out),
    Fault(_S, "200 with a page of HTML, twice", answered(Status(200, body="<!DOCTYPE html><p>Sign in", accept=False, times=2))),
    Fault(_S, "200, none accepted, no reason, once", unexplained(_NONE, times=1)),
    Fault(_S, "200, none accepted, no reason", unexplained(_NONE)),
    Fault(_S, "206, one error listed 20 times", unexplained(_ONE, code=206)),
    Fault(_S, "206 that cannot be read", answered(Status(206, body="{", accept=False, times=1))),
    *(Fault(_S, str(code), refused(Status(code))) for code in (400, 404, 405, 418)),
    Fault(_S, "400, OpenTelemetry program", refused(Status(400), native=True), legacy=False),
    *(Fault(_S, f"{code} to two requests", answered(Status(code, times=2))) for code in (401, 403, 407, 408, 429, 500, 501, 502, 503, 504)),
    Fault(_S, "503 once, OpenTelemetry program", answered(Status(503, retry_after="1", times=1), native=True), legacy=False),
    *(Fault(_S, f"{code}: quota used up", quota(code, None)) for code in (402, 439)),
    Fault(_S, "402 with Retry-After: 2", quota(402, "2")),
    Fault(_S, "413: bodies over 1,000 bytes", too_large),
    Fault(_S, "413: even a lone item", single_too_large),
    Fault(_S, "429 with Retry-After: 2", retry_after(lambda: "2", 1.9)),
    Fault(_S, "429 with Retry-After: a date in 3 s", retry_after(lambda: _date(3), 1.0)),
    Fault(_S, "429 with Retry-After: a date long gone", retry_after(lambda: _date(-9999), 0.0)),
    Fault(_S, "429 with Retry-After: soon", retry_after(lambda: "soon", 0.0)),
    Fault(_S, "429 with Retry-After: -1", retry_after(lambda: "-1", 0.0)),
    Fault(_S, "429 with Retry-After: 86400, exit", far_retry_after),
    Fault(_S, "throttled to 100 items/s", throttled),
    *(Fault(_R, f"{code} in a loop", redirect_loop(code)) for code in (307, 308)),
    *(Fault(_R, f"{code}, twice", answered(Redirect(code=code, times=2))) for code in (301, 302)),
    Fault(_R, "307 to the same host", moved),
    Fault(_R, "307 to a stranger", to_stranger),
    Fault(_R, "307 to a stranger, signed in", to_stranger_with_token),
    Fault(_R, "307 to nowhere, twice", answered(Redirect(location="", times=2))),
    Fault(_T, "reset before the body is read", answered(ResetBeforeRead(times=2))),
    Fault(_T, "reset within the body", answered(ResetDuringRead(after_bytes=100, times=2))),
    Fault(_T, "reset after the body, not accepted", answered(ResetAfterRead(times=2))),
    Fault(_T, "reset after acceptance: reply lost", answered(LoseReply(times=1))),
    Fault(_T, "reply lost, OpenTelemetry program", answered(LoseReply(times=1), native=True), legacy=False),
    Fault(_T, "closed after the reply, unannounced", answered(Close(times=2))),
    Fault(_T, "no reply, not accepted", answered(Silence(times=1))),
    Fault(_T, "no reply, accepted", answered(Silence(accept=True, times=1))),
    Fault(_T, "body read 0.5 s late", answered(DelayRead(0.5, times=2))),
    Fault(_T, "reply 3 s late, limit 1.5 s", answered(DelayReply(3.0, times=1))),
    Fault(_T, "reply that drips for ever", answered(SlowReply(0.3, times=1))),
    Fault(_T, "reply cut short", answered(Truncate(times=1))),
    Fault(_T, "reply of 64 MiB", answered(Huge(times=1))),
    Fault(_T, "reply that is not HTTP", answered(Garbage(times=2))),
    Fault(_T, "reply with two different lengths", disturbed(says(_TWO_LENGTHS))),
    Fault(_T, "500 whose body is 64 MiB, gzip in gzip", disturbed(lambda connection: connection.sendall(_bomb()))),
    Fault(_T, "headers that drip for ever", disturbed(drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"))),
    Fault(_T, "100 Continue for ever", disturbed(drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"))),
    Fault(_T, "proxy setting: / in the password", unusable_proxy("http://user:p/x@proxy.test:8080")),
    Fault(_T, "proxy setting: port that is none", unusable_proxy("http://proxy.test:port")),
    Fault(_T, "proxy setting: ftp", unusable_proxy("ftp://proxy.test:21")),
    *(Fault(_T, f"certificate {kind}, then a good one", bad_certificate(kind)) for kind in BAD),
    Fault(_T, "certificate expires while items come", bad_certificate("expired", later=True)),
    *(Fault(_T, f"proxy answers CONNECT with {code}, then 200", no_tunnel(code)) for code in (403, 407, 502)),
    Fault(_O, "down while items come, back when idle", down_and_back()),
    Fault(_O, "the same, OpenTelemetry program", down_and_back(native=True), legacy=False),
    Fault(_O, "down in the middle of a stream", down_while_running),
    Fault(_O, "down across a restart", across_restart()),
    Fault(_O, "the same, OpenTelemetry program", across_restart(native=True), legacy=False),
    Fault(_O, "exit while down", never_back),
    Fault(_O, "exit while silent", blocked_exit(Silence())),
    Fault(_O, "exit while the reply drips", blocked_exit(SlowReply(0.5), Status(503))),
    Fault(_O, "exit while silent, four resources", silent_for_four),
    Fault(_O, "a telemetry processor takes 1.5 s an item", slow_processor),
    Fault(_O, "a telemetry processor raises SystemExit", processor_ends_threads),
    Fault(_O, "SIGTERM, default action, items stored", terminated),
    Fault(_O, "queue overflow while silent", overflow),
    Fault(_D, "full, endpoint comes back", disk_full(comes_back=True)),
    Fault(_D, "full, exit while down", disk_full(comes_back=False)),
    Fault(_D, "fills up with items", disk_fills_up, legacy=False),
    Fault(_D, "no file may be written (ulimit -f 0)", file_size_limit(names_folder=True)),
    Fault(_D, "no folder for temporary files at all", file_size_limit(names_folder=False)),
    Fault(_D, "read-only, endpoint comes back", read_only(comes_back=True)),
    Fault(_D, "read-only, exit while down", read_only(comes_back=False)),
    Fault(_D, "a file in the folder's place", not_a_folder, legacy=False),
    Fault(_D, "folder removed under us", folder_removed),
    Fault(_D, "stored files damaged", corrupt_files, legacy=False),
    Fault(_P, "kill -9 in a storm, six times", killed()),
    Fault(_P, "the same, OpenTelemetry program", killed(native=True), legacy=False),
    Fault(_P, "kill -9 while stored items are sent, four times", killed_while_sending),
    *(
        Fault(_P, f"{kind}{', endpoint down' if down else ''}", forked(name, down=down))
        for name, kind in (("forks", "fork"), ("processes", "multiprocessing.Process"), ("pool", "multiprocessing.Pool"))
        for down in (False, True)
    ),
    Fault(_P, "gunicorn --preload, SIGTERM", served("--preload")),
    Fault(_P, "gunicorn, SIGTERM", served()),
    Fault(_P, "gunicorn --preload, SIGTERM, endpoint down", served("--preload", down=True)),
    Fault(_P, "Celery prefork, SIGTERM", queued()),
    Fault(_P, "Celery prefork, SIGTERM, endpoint down", queued(down=True)),
    Fault(_P, "two processes, one folder", two_processes),
    Fault(_C, "3 days forward while items are stored", clock_jump(3), legacy=False),
    Fault(_C, "3 days back while items are stored", clock_jump(-3), legacy=False),
    Fault(_A, "401: wrong token, then a right one", wrong_token(401)),
    Fault(_A, "403: role missing, then granted", wrong_token(403)),
    Fault(_A, "tokens that have expired", token_expires),
    Fault(_A, "token endpoint down", token_endpoint_down),
    Fault(_A, "token endpoint silent at exit", token_endpoint_silent),
)
