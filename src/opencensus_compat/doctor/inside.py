"""What the interpreters of ``census-compat doctor -- CMD`` run first: they watch, and as they end they write down what the program has made.

The file is copied into a folder that is first on ``PYTHONPATH``, under the name ``sitecustomize``, so that it also works in environments
without this package. It imports nothing but the standard library, and lets another ``sitecustomize`` have its turn. It writes to the folder
that it was given, prints nothing, and never raises into the program.

Facts are collected when the program's threads have ended and before any exit hook: nothing has been shut down by then. What exit hooks
change, the numbers of items, is collected again after the last of them. Children of multiprocessing have finalizers in the place of exit
hooks. A process that ends by ``os._exit`` or by a signal's default action leaves only the note that it was started.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from _thread import get_ident
from contextlib import suppress
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any, NoReturn

VARIABLE = "CENSUS_COMPAT_DOCTOR"
"""Names the file with what to do: ``watching``, the path of that module; ``answers``, the folder to write to."""

_WATCHING = "census_compat_doctor_watching"
"""Name of that module."""
_USED = ("opencensus_compat._bridge.process", "appinsights_exporter")
"""Modules, one of which every program has loaded that sends anything."""
_ENDS = (1, 2, 3, 15)
"""SIGHUP, SIGINT, SIGQUIT, SIGTERM."""
_MOST_S = 10.0
"""How long the end of a process by itself may be held up, seconds."""
_BEFORE_OTHERS, _AFTER_OTHERS = -99, -101
"""Priorities among multiprocessing's finalizers: those of programs have at least 0, that which exports what is queued has -100."""


class _Answers:
    """What this process writes, and when."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._sees_multiprocessing = False
        self._begin()

    def _begin(self) -> None:
        self.began_s = time.monotonic()
        self._pid = os.getpid()
        self._facts: Any = None
        self._write("started", json.dumps({"pid": self._pid, "python": sys.executable, "command": list(sys.orig_argv)[:20]}))

    def restart(self) -> None:
        """Begin anew in a child made by fork."""
        self._begin()
        watching = sys.modules.get(_WATCHING)
        if watching is not None:
            watching.watched.forget()

    def arrange(self) -> None:
        """Let children of multiprocessing answer, if it is loaded by now: called before each fork."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._sees_multiprocessing:
            self._sees_multiprocessing = True
            # A new child forgets its parent's finalizers, and then calls this.
            util.register_after_fork(self, _Answers._finalize)

    def _finalize(self) -> None:
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(None, self.first, exitpriority=_BEFORE_OTHERS)
            util.Finalize(None, self.last, exitpriority=_AFTER_OTHERS)

    def before_exit_hooks(self) -> None:
        """Let the first answer come before the exit hooks that there are by now: called as the main thread ends."""
        atexit.register(self.first)

    def first(self) -> None:
        """Collect all facts."""
        self._answer(lambda inside: inside.collect())

    def last(self) -> None:
        """Collect what exit hooks have changed, or all facts where that was not done yet."""
        self._answer(lambda inside: inside.collect() if self._facts is None else inside.collect_again(self._facts))

    def by_itself(self, how: str) -> None:
        """Collect all facts where this process ends itself without exit hooks.

        Args:
            how: Is written down, too.
        """
        if self._pid != os.getpid() or self._facts is not None or not any(name in sys.modules for name in _USED):
            return
        self._write("ended", how)
        # A lock that a thread of the parent holds would hold up the end of a child made by fork.
        thread = import_module("threading").Thread(target=self.last, daemon=True)
        thread.start()
        thread.join(_MOST_S)

    def _answer(self, collect: Any) -> None:
        if self._pid != os.getpid():
            # A child made by a fork that Python did not make.
            return
        try:
            inside = import_module("opencensus_compat.doctor.collect.inside")
        except Exception as error:  # noqa: BLE001 -- whatever an environment makes of the import
            loaded = sorted(name for name in sys.modules if name.partition(".")[2] == "" and "opencensus" in name)
            self._write("without", json.dumps({"pid": self._pid, "why": f"{type(error).__name__}: {error}", "loaded": loaded}))
            return
        watched = sys.modules[_WATCHING].watched
        watched.collects_in = get_ident()
        try:
            self._facts = collect(inside)
            self._write("facts", inside.as_text(self._facts))
        except Exception as error:  # noqa: BLE001 -- what looks on must not be what fails
            self._write("without", json.dumps({"pid": self._pid, "why": f"{type(error).__name__}: {error}", "loaded": []}))
        finally:
            watched.collects_in = 0

    def _write(self, kind: str, text: str) -> None:
        path = os.path.join(self._folder, f"{self._pid}.{kind}")
        try:
            with open(f"{path}.part", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(f"{path}.part", path)
        except OSError:
            return


def begin(told: str) -> None:
    """Do what a file says."""
    with open(told, encoding="utf-8") as file:
        orders = json.load(file)
    answers = _Answers(orders["answers"])
    # First, so that it is called last.
    atexit.register(answers.last)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=answers.arrange, after_in_child=answers.restart)
    watching = _loaded(_WATCHING, orders["watching"])
    watching.began_s = answers.began_s

    def arrange(threading: Any) -> None:
        # Called when the main thread has ended, and before the others are waited for.
        threading._register_atexit(answers.before_exit_hooks)

    def see_signals(signal: Any) -> None:
        raise_original = signal.raise_signal

        def raise_signal(number: int, /) -> None:
            if number in _ENDS and signal.getsignal(number) is signal.SIG_DFL:
                with suppress(Exception):
                    answers.by_itself(signal.Signals(number).name)
            raise_original(number)

        signal.raise_signal = raise_signal

    watching.begin({"threading": arrange, "signal": see_signals})
    exit_original, kill_original = os._exit, os.kill

    def leave(status: int) -> NoReturn:
        with suppress(Exception):
            answers.by_itself(f"os._exit at {watching.place(sys._getframe(1))}")
        exit_original(status)

    def kill(pid: int, number: int, /) -> None:
        signal = sys.modules.get("signal")
        if pid == os.getpid() and signal is not None and number in _ENDS and signal.getsignal(number) is signal.SIG_DFL:
            with suppress(Exception):
                answers.by_itself(signal.Signals(number).name)
        kill_original(pid, number)

    os._exit, os.kill = leave, kill


def _loaded(name: str, path: str) -> Any:
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _let_others_begin() -> None:
    """Import the next ``sitecustomize`` on the path, if there is one. `rewrite/verify/inside.py`, which is copied alone, too, has the same text."""
    here = os.path.dirname(os.path.abspath(__file__))
    # A Python that this one starts finds the folder on PYTHONPATH again.
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.abspath(entry) != here]
    ourselves = sys.modules.pop("sitecustomize")
    try:
        import_module("sitecustomize")  # the next one
    except ModuleNotFoundError as missing:
        if missing.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ourselves


if __name__ == "sitecustomize":
    if os.environ.get(VARIABLE):
        with suppress(Exception):  # the program runs as without
            begin(os.environ[VARIABLE])
    _let_others_begin()
