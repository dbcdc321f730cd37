"""What running processes have counted: the files that `APPINSIGHTS_EXPORTER_COUNTS_FILE` made them keep.

Limits: a process that sets the variable itself, after its start, shows it to nobody; there the file is to be named.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import re
import time
from collections.abc import Mapping
from typing import Any

from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.counts import Counted, CountedProcess, CountedResource, Counts, LastTime

__all__ = ["VARIABLE", "collect", "environment_of"]

VARIABLE = "APPINSIGHTS_EXPORTER_COUNTS_FILE"
_ABOUT_TELEMETRY = re.compile(
    r"(APPLICATIONINSIGHTS|APPINSIGHTS|OPENCENSUS|OTEL|AZURE|IDENTITY|IMDS|MSI)_.*|(https?|all|no)_proxy|(REQUESTS|CURL)_CA_BUNDLE|TMPDIR|TEMP|TMP",
    re.IGNORECASE,
)
"""Variables that say where telemetry goes, how, and where it waits. Those of the interpreter's are none: this one may be another."""
_FORMAT = "census-compat counts 1"
_DEFAULT_NAME = "counts.json"
_MOST_FILES = 200
_MAX_FILE_BYTES = 1024 * 1024
_SAME_START_S = 2.0


class _NoFileError(Exception):
    """There is nothing to see; the text says why, and what to do."""

    def __init__(self, problem: str, step: str) -> None:
        super().__init__(problem)
        self.step = step


def collect(request: Request) -> Counts:
    """Return the counts of the processes that are asked for."""
    if request.counts is None and request.pid is None:
        return Counts("", "", "", (), ())
    asked = f"process {request.pid}" if request.counts is None else request.counts
    try:
        if request.counts is not None:
            paths = _files(os.path.join(request.folder, request.counts))
            if not paths:
                raise _NoFileError(
                    f"{request.counts} has no counts of any process.",
                    f"Start the program with {VARIABLE}={request.counts}; a process writes its file with the first telemetry that it sends.",
                )
        else:
            paths = _files_of_process(request.pid or 0)
    except _NoFileError as problem:
        return Counts(asked, str(problem), problem.step, (), ())
    processes: list[CountedProcess] = []
    unreadable: list[str] = []
    for path in paths[:_MOST_FILES]:
        try:
            processes.append(_process(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = error.strerror or "it cannot be read" if isinstance(error, OSError) else "it is no file of counts"
            unreadable.append(f"{path}: {why}")
    return Counts(asked, "", "", tuple(unreadable), tuple(sorted(processes, key=lambda each: each.written.at, reverse=True)))


def environment_of(pid: int, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the variables about telemetry are those of a process; unchanged where that may not be read."""
    try:
        theirs = _environ(pid) if _exists(pid) else environ
    except _NoFileError:
        theirs = environ
    others = {name: value for name, value in environ.items() if not _ABOUT_TELEMETRY.fullmatch(name)}
    return {**others, **{name: value for name, value in theirs.items() if _ABOUT_TELEMETRY.fullmatch(name)}}


def _files(named: str) -> list[str]:
    """Return the files that go by a name: itself, or those of processes."""
    if os.path.isdir(named):
        named = os.path.join(named, _DEFAULT_NAME)
    if os.path.isfile(named):
        return [named]
    root, extension = os.path.splitext(named)
    folder, name = os.path.split(root)
    ours = re.compile(rf"{re.escape(name)}\.\d{{1,10}}{re.escape(extension)}")
    try:
        with os.scandir(folder or os.curdir) as entries:
            found = [(entry.stat().st_mtime, entry.path) for entry in entries if ours.fullmatch(entry.name) and entry.is_file()]
    except OSError as error:
        raise _NoFileError(
            f"The folder of {named} cannot be read: {error.strerror}.", "Name the file that the program is started with."
        ) from None
    return [path for _, path in sorted(found, reverse=True)]


def _files_of_process(pid: int) -> list[str]:
    """Return the files of a process and its children."""
    if not _exists(pid):
        raise _NoFileError(f"There is no process {pid}.", "Look for it with ps; a file that a process left is read by --counts FILE.")
    environ = _environ(pid)
    named = environ.get(VARIABLE, "").strip().strip("'\"")
    if not named:
        raise _NoFileError(
            f"Process {pid} was not started with {VARIABLE}, so that nothing of what it sends is seen from outside.",
            f"Start it again with {VARIABLE}=/a/folder/counts.json, or name the file with --counts if the program sets it itself.",
        )
    wanted = {pid, *_children(pid)}
    files = [path for path in _files(os.path.join(_folder(pid), named)) if _pid_in(path) in wanted]
    if not files:
        raise _NoFileError(
            f"Process {pid} keeps its counts in {named}, and there is no file of it or of a child of it.",
            "A process writes it with the first telemetry that it sends: look at how its telemetry gets to an exporter, with doctor -- CMD.",
        )
    return files


def _pid_in(path: str) -> int:
    digits = os.path.splitext(path)[0].rpartition(".")[2] if not path.rpartition(".")[2].isdecimal() else path.rpartition(".")[2]
    return int(digits) if digits.isdecimal() else 0


def _exists(pid: int) -> bool:
    if pid <= 0:
        return False
    with contextlib.suppress(ImportError):
        import psutil

        return bool(psutil.pid_exists(pid))
    return os.path.exists(f"/proc/{pid}")


def _environ(pid: int) -> Mapping[str, str]:
    """Return what a process was started with."""
    denied = _NoFileError(
        f"What process {pid} was started with may not be read by this user.",
        "Run doctor as the user of the process, or as root, or name the file with --counts.",
    )
    try:
        with open(f"/proc/{pid}/environ", "rb") as stream:
            pairs = os.fsdecode(stream.read()).split("\0")
        return dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)
    except PermissionError:
        raise denied from None
    except OSError:
        pass
    try:
        import psutil

        return dict(psutil.Process(pid).environ())
    except Exception:  # noqa: BLE001 -- it may be missing, and has errors of its own
        raise denied from None


def _folder(pid: int) -> str:
    """Return the current folder of a process; empty where that may not be known."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/cwd")
    with contextlib.suppress(Exception):
        import psutil

        return str(psutil.Process(pid).cwd())
    return ""


def _children(pid: int) -> list[int]:
    with contextlib.suppress(Exception):
        import psutil

        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _process(path: str) -> CountedProcess:
    """Return what a file says.

    Raises:
        OSError: It cannot be read. Other errors: it is no file of counts.
    """
    with open(path, "rb") as stream:
        found: dict[str, Any] = json.loads(stream.read(_MAX_FILE_BYTES))
    if found["format"] != _FORMAT:
        raise ValueError
    now_s = time.time()
    return CountedProcess(
        path=path,
        pid=int(found["pid"]),
        host=str(found["host"]),
        program=str(found["program"]),
        state=str(found["state"]),
        written=_last({"at": found["written"]}, now_s) or LastTime("", 0.0),
        is_alive=_is_alive(int(found["pid"]), str(found["host"]), found["started"]),
        resources=tuple(_resource(each, now_s) for each in found["resources"]),
    )


def _is_alive(pid: int, host: str, started: str | None) -> bool | None:
    if host != platform.node():
        return None
    try:
        import psutil
    except ImportError:
        return _exists(pid)
    try:
        began_s = float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
    return started is None or abs(began_s - datetime.datetime.fromisoformat(started).timestamp()) <= _SAME_START_S


def _resource(found: Mapping[str, Any], now_s: float) -> CountedResource:
    success = found["last_success"]
    return CountedResource(
        key=str(found["key"]),
        endpoint=str(found["endpoint"]),
        sent=int(found["sent"]),
        filtered=int(found["filtered"]),
        stored=int(found["stored"]),
        held=int(found["held"]),
        possibly_duplicated=int(found["possibly_duplicated"]),
        waiting=int(found["waiting"]),
        retried=_reasons(found["retried"]),
        dropped=_reasons(found["dropped"]),
        success=None if success is None else _last({"at": success}, now_s),
        failure=_last(found["last_failure"], now_s),
        loss=_last(found["last_loss"], now_s),
    )


def _reasons(found: Mapping[str, Any]) -> tuple[Counted, ...]:
    return tuple(Counted(str(reason), int(items)) for reason, items in sorted(found.items(), key=lambda pair: -int(pair[1])))


def _last(found: Mapping[str, Any] | None, now_s: float) -> LastTime | None:
    if found is None:
        return None
    at = datetime.datetime.fromisoformat(str(found["at"]))
    return LastTime(
        at.isoformat(sep=" ", timespec="seconds"),
        max(0.0, now_s - at.timestamp()),
        str(found.get("reason", "")),
        str(found.get("detail", "")),
    )
