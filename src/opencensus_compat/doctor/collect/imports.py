"""Who answers ``import opencensus``: asked of a fresh interpreter, and of the folders on its path."""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from opencensus_compat.doctor import probe
from opencensus_compat.doctor.collect.files import is_of_tests, texts
from opencensus_compat.doctor.collect.places import Place, places
from opencensus_compat.doctor.masking import masked, secrets_of
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.imports import Copy, Imports, Named, Tried

__all__ = ["collect"]

_TIMEOUT_S = 60
_MARK = "\x1e"
"""What the child prints before what it has to say; nothing else prints it."""
_PATH_FILE = "census_compat.pth"
_NEEDED = (
    "appinsights_exporter",
    "azure",
    "certifi",
    "opencensus",
    "opencensus_compat",
    "opentelemetry",
    "orjson",
    "psutil",
    "requests",
    "urllib3",
)
"""Top-level modules without which nothing is sent."""
_OF_REAL = "opencensus/trace/tracer.py"
_VERSION = re.compile(r"^__version__ = [\"']([^\"']+)[\"']", re.MULTILINE)
_SWITCH = re.compile(
    r"opencensus_compat\.auto\b|from opencensus_compat import (?:\w+, )*auto\b|opencensus_compat\.install\(|\bopencensus_compat run\b|\bcensus-compat run\b|"
    r"opencensus_compat[\"'], *[\"']run[\"']|census-compat[\"'], *[\"']run[\"']"
)
"""What switches the facades on, in source and in commands."""
_INTEGRATION = re.compile(r"^(?:from|import)[ \t]+opencensus\.ext\.(\w+)|^from[ \t]+opencensus\.ext[ \t]+import[ \t]+(\w+)", re.MULTILINE)
"""An import that always runs: what is indented may be in a `try`, or in a function that nobody calls."""
_OWN_INTEGRATION = re.compile(r"(?:^|/)opencensus/ext/(\w+)(?:/|\.py$)")
_NAMESPACE = re.compile(r"\A\s*\Z|pkgutil|pkg_resources|declare_namespace", re.MULTILINE)
_ON = ("1", "true", "yes", "on")


def collect(request: Request) -> Imports:
    """Return how imports are answered; a fresh interpreter tries them, unless this is the program itself."""
    switched_on_by = tuple(text.path for text in texts(request.folder) if _SWITCH.search(text.text))
    archives = tuple(place.path for place in places(request.path) if place.is_archive)
    switched_on_by += tuple(f"{archive}/{text.path}" for archive in archives for text in texts(archive) if _SWITCH.search(text.text))
    said: tuple[str, ...] = ()
    if request.inside:
        seen = probe.look([name for name in probe.TRIED if name in sys.modules])
    else:
        seen, said = _of_child(request, switch_on=bool(switched_on_by))
    place, is_archive = _folder_of(seen["places"]["opencensus_compat"], "opencensus_compat")
    folders = tuple(seen["site_folders"])
    disabled = request.environ.get("OPENCENSUS_COMPAT_DISABLED", "")
    secrets = secrets_of(request.environ)
    return Imports(
        executable=seen["executable"],
        finders=tuple(seen["finders"]),
        active=seen["active"],
        active_now=seen["active_now"],
        switch_problem=masked(seen["switch_problem"], secrets),
        switched_on_by=switched_on_by,
        disabled=disabled if disabled.lower().strip(" \"'") in _ON else "",
        no_site=seen["no_site"],
        isolated=seen["isolated"],
        site_folders=folders,
        place=place,
        path_file=_path_file(place, folders),
        is_archive=is_archive,
        start_said=tuple(masked(line, secrets) for line in said),
        tried=tuple(Tried(**{**each, "error": masked(each["error"], secrets)}) for each in seen["tried"]),
        copies=tuple(_copies(request.path)),
        real=tuple(place.path for place in places(request.path) if place.has_file(_OF_REAL)),
        own=tuple(_own(request.path, place)),
        wanted=tuple(_wanted(request)),
        seen_inside=request.inside,
    )


def _of_child(request: Request, *, switch_on: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what a fresh interpreter says, and what its start printed on standard error."""
    if not sys.executable or getattr(sys, "frozen", False):
        return probe.look(switch_on=switch_on), ()
    try:
        return _asked(request, f"switch_on={switch_on}")
    except _EndedError as ended:
        # Without the imports, of which one ended it.
        seen, said = _asked(request, f"(), switch_on={switch_on}")
        tried = Tried("opencensus.ext.azure.trace_exporter", "", "", str(ended), "", "")
        return {**seen, "tried": [{name: getattr(tried, name) for name in Tried.__dataclass_fields__}]}, said


class _EndedError(Exception):
    """The child said nothing; the text has its status and last words."""


def _asked(request: Request, arguments: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    code = (
        f"{inspect.getsource(probe)}\nsys.stderr.write({_MARK!r})\nsys.stderr.flush()\n"
        f"print({_MARK!r} + ascii(look({arguments})))"  # not as JSON: the program may have a json.py
    )
    # Nothing is to be configured that others bring into each interpreter, and nothing written.
    left_out = ("OPENCENSUS_COMPAT_LOCAL_NOTES", "OPENCENSUS_COMPAT_LOCAL_CALL_SITES")
    environ = {name: value for name, value in request.environ.items() if name not in left_out}
    done = subprocess.run(  # noqa: S603 -- the interpreter itself
        [sys.executable, *_flags(), "-B", "-c", code],
        env={**environ, "OTEL_SDK_DISABLED": "true", "PYTHONIOENCODING": "utf-8"},
        cwd=request.folder or None,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=_TIMEOUT_S,
        check=False,
    )
    start, _, rest = done.stderr.partition(_MARK)
    answer = done.stdout.rpartition(_MARK)[2]
    if not answer:
        last = (rest.strip().splitlines() or ["nothing"])[-1]
        raise _EndedError(f"the end of the interpreter, with status {done.returncode} and the last words: {last}")
    return ast.literal_eval(answer.strip()), tuple(line.strip() for line in start.splitlines() if line.strip())


def _flags() -> list[str]:
    """Return the options that this interpreter was started with, as far as they change imports."""
    flags = sys.flags
    if flags.isolated:
        return ["-I", *(["-S"] if flags.no_site else [])]
    told = {"-S": flags.no_site, "-E": flags.ignore_environment, "-s": flags.no_user_site, "-P": getattr(flags, "safe_path", False)}
    return [flag for flag, is_set in told.items() if is_set]


def _folder_of(file: str, package: str) -> tuple[str, bool]:
    """Return the folder or archive that has a package, and whether it is an archive."""
    if not file:
        return "", False
    folder = os.path.dirname(os.path.dirname(file))
    return folder, not os.path.isdir(folder)


def _path_file(place: str, site_folders: tuple[str, ...]) -> str:
    for folder in site_folders:
        with contextlib.suppress(OSError), open(os.path.join(folder, _PATH_FILE), encoding="utf-8", errors="replace") as file:
            return "there" if "opencensus_compat._alias" in file.read() else "other"
    return "elsewhere" if place and os.path.exists(os.path.join(place, _PATH_FILE)) else "missing"


def _copies(path: tuple[str, ...]) -> Iterator[Copy]:
    for place in places(path):
        for package, file in (("opencensus_compat", "__init__.py"), ("appinsights_exporter", "_version.py")):
            if place.has_file(f"{package}/__init__.py"):
                found = _VERSION.search(place.read(f"{package}/{file}"))
                yield Copy(package, place.path, found[1] if found else "")


def _own(path: tuple[str, ...], ours: str) -> Iterator[Named]:
    """Yield what stands in the way of a module that is needed: in folders of the path before this package's, where nothing was installed."""
    for place in places(path):
        if ours and os.path.realpath(ours) == place.path:
            return
        if place.is_archive or _is_of_python(place.path) or any(name.endswith((".dist-info", ".egg-info")) for name in place.names):
            continue
        for name in sorted(place.names):
            module, end = os.path.splitext(name)
            if end == ".py" and (module in _NEEDED or module in sys.stdlib_module_names):
                yield Named(os.path.join(place.path, name), module)
            elif name in _NEEDED and name not in ("opencensus_compat", "appinsights_exporter") and _is_own_package(place, name):
                yield Named(os.path.join(place.path, name), name)


def _is_of_python(entry: str) -> bool:
    return any(entry.startswith(os.path.realpath(folder) + os.sep) or entry == os.path.realpath(folder) for folder in _python_folders())


def _python_folders() -> Iterator[str]:
    import sysconfig

    for name in ("stdlib", "platstdlib"):
        folder = sysconfig.get_path(name)
        if folder:
            yield folder


def _is_own_package(place: Place, name: str) -> bool:
    """Tell whether a folder is a package that answers for the whole name, and is not the real OpenCensus."""
    start = f"{name}/__init__.py"
    if not place.has_file(start) or (name == "opencensus" and place.has_file(_OF_REAL)):
        return False
    return name != "opencensus" or not _NAMESPACE.search(place.read(start))


def _wanted(request: Request) -> Iterator[Named]:
    """Yield the integrations that the program's files import, each with the first file, and that neither this package nor a folder of the path has."""
    from opencensus_compat._integrations import INTEGRATIONS

    there = {"azure", *(each.partition(".")[2] for each in INTEGRATIONS if each.startswith("ext."))}
    for place in places(request.path):
        if "opencensus" in place.names:
            there.update(os.path.splitext(name)[0] for name in place.listed("opencensus/ext"))
    own = [text for text in texts(request.folder) if text.path.endswith(".py") and not is_of_tests(text.path)]
    there.update(found[1] for text in own if (found := _OWN_INTEGRATION.search(text.path)))
    for text in own:
        names = {name for found in _INTEGRATION.findall(text.text) for name in found if name}
        for name in sorted(names - there):
            there.add(name)  # Once is enough.
            yield Named(text.path, f"opencensus.ext.{name}")
