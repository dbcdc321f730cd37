"""Windows and macOS, as far as Linux can play them: names that those lack, and what calls of theirs refuse.

What cannot be tried here is in `migration_guide/other_systems.md`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat.local import LocalEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = sorted((REPOSITORY / "src").rglob("*.py"))
POSIX_NAMES = {
    "os": (
        *(
            "fork",
            "forkpty",
            "register_at_fork",
            "getuid",
            "geteuid",
            "getgid",
            "getegid",
            "getpgid",
            "setsid",
            "killpg",
            "chown",
            "fchmod",
            "pread",
        ),
        *(
            "pwrite",
            "statvfs",
            "sysconf",
            "uname",
            "getloadavg",
            "nice",
            "wait4",
            "WNOHANG",
            "WIFEXITED",
            "O_NOFOLLOW",
            "O_CLOEXEC",
            "O_DIRECTORY",
        ),
        *("O_NONBLOCK", "O_SYNC", "sched_getaffinity", "pipe2", "fchdir", "getgroups", "setpriority"),
    ),
    "signal": (
        *(
            "SIGHUP",
            "SIGQUIT",
            "SIGKILL",
            "SIGUSR1",
            "SIGUSR2",
            "SIGALRM",
            "SIGCHLD",
            "SIGPIPE",
            "SIGCONT",
            "SIGSTOP",
            "SIGWINCH",
            "setitimer",
        ),
        *("alarm", "pthread_sigmask", "pthread_kill", "sigwait", "pause"),
    ),
    "time": ("tzset", "clock_gettime", "clock_gettime_ns"),
    "socket": ("AF_UNIX", "SO_REUSEPORT"),
}
"""What the standard library has on Unix alone, of what code like ours might use."""
POSIX_MODULES = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "curses", "syslog", "readline")

_PRELUDE = f"""
import importlib, os, pkgutil, signal, socket, sys, time, types

import appinsights_exporter, opencensus_compat
OURS = ("appinsights_exporter", "opencensus_compat", "opencensus")

def modules():
    for package in (appinsights_exporter, opencensus_compat):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not found.name.endswith("__main__") and "._pyinstaller" not in found.name and "._run" not in found.name:
                yield found.name

names = [name for name in modules() if ".ext." not in name or ".ext.azure" in name or ".ext.threading" in name]
for name in names:
    importlib.import_module(name)
for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
    del sys.modules[name]
for module, lacking in {POSIX_NAMES!r}.items():
    for name in lacking:
        sys.modules[module].__dict__.pop(name, None)
for name in {POSIX_MODULES!r}:
    sys.modules[name] = None
sys.modules["msvcrt"] = msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_NBLCK, msvcrt.LK_UNLCK, msvcrt.locking = 2, 0, lambda fd, mode, count: None
os.supports_dir_fd = os.supports_fd = set()
sys.platform = "win32"
"""


def test_modules_without_names_of_unix(run_program):
    """All modules of both packages can be imported where none of those names exists, but for integrations, whose libraries need some."""
    program = f"{_PRELUDE}\nfor name in names:\n    importlib.import_module(name)\nprint(len(names))"
    assert int(run_program(program)) > 250


def test_a_program_without_names_of_unix(run_program):
    """There, a program's telemetry arrives, what cannot be sent is kept on disk, and it is sent later."""
    program = """
import logging
from opencensus_compat import auto, flush
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from appinsights_exporter.delivery.store import Store

logging.getLogger("shop").addHandler(AzureLogHandler())
with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span("order"):
    logging.getLogger("shop").warning("stock is low")
folder = os.path.join(os.environ["TMPDIR"], "kept")
assert Store(folder).put([b"{}", b"[]"]).kept == 2
with Store(folder).lease() as lease:
    print(lease.items)
    lease.done()
print(os.listdir(folder))
"""
    with LocalEndpoint() as endpoint:
        printed = run_program(_PRELUDE + program, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        endpoint.wait_idle()
        (record,) = endpoint.rows("traces")
        (span,) = endpoint.rows("dependencies")
    assert (record["message"], span["name"], record["operation_ParentId"]) == ("stock is low", "order", span["id"])
    assert printed == "[b'{}', b'[]']\n[]\n"


_ASKS = re.compile(r"hasattr\(|sys\.platform|os\.name\b|supports_dir_fd|getattr\(")


def _guarded_lines(tree: ast.AST) -> set[int]:
    """Return the lines of branches that ask which system it is, or whether a name is there; and those after such a branch that returns."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.IfExp)) and _ASKS.search(ast.unparse(node.test)):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, ast.Try) and any(
            "ImportError" in ast.unparse(each.type) or "AttributeError" in ast.unparse(each.type) for each in node.handlers if each.type
        ):
            lines.update(range(node.lineno, node.handlers[0].lineno))
        elif isinstance(node, ast.With) and "suppress(ImportError" in ast.unparse(node.items[0]):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, ast.FunctionDef):
            for number, each in enumerate(node.body):
                if isinstance(each, ast.If) and _ASKS.search(ast.unparse(each.test)) and isinstance(each.body[-1], ast.Return):
                    lines.update(range(node.body[number].lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _uses(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that use a name or a module of Unix."""
    for node in ast.walk(tree):
        if (
            (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in POSIX_NAMES.get(node.value.id, ()))
            or (isinstance(node, ast.Import) and any(each.name in POSIX_MODULES for each in node.names))
            or (isinstance(node, ast.ImportFrom) and not node.level and node.module in POSIX_MODULES)
        ):
            yield node


def test_names_of_unix_are_asked_for():
    """Code that uses such a name asks first whether it is there, or which system it is: else it would end with AttributeError."""
    unguarded = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if any(f"{module}." in text for module in POSIX_NAMES) or any(module in text for module in POSIX_MODULES):
            tree = ast.parse(text)
            guarded = _guarded_lines(tree)
            unguarded += [f"{path.relative_to(REPOSITORY)}:{node.lineno}" for node in _uses(tree) if node.lineno not in guarded]
    assert unguarded == []
