"""Whether ``import opencensus`` reaches this package, and why it does not."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from opencensus_compat._integrations import OTHERS
from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, check, need
from opencensus_compat.doctor.checks.versions import needed, one_release
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.sections.imports import Imports, Named

_ERROR = re.compile(r"\w*(?:Error|Exception|Warning)\b.*: ")
"""The last line of a traceback."""
_AUTO = "Make `import opencensus_compat.auto` the first import of the program, or start it with `python -m opencensus_compat run -- CMD`."
_REINSTALL = "pip install --force-reinstall --no-deps census-compat"


@check("D001", group="imports", title="the import finder is on")
def finder(facts: Facts) -> Iterator[Finding]:
    """The interpreter reads this package's path file, or the program switches the finder on."""
    imports = need(facts.imports)
    if imports.active_now or imports.disabled:
        return
    evidence = (
        f"interpreter: {imports.executable}",
        f"census-compat is in {imports.place or 'no folder of the path'}",
        f"path files are read in: {', '.join(imports.site_folders) or 'no folder'}",
        *imports.start_said,
    )
    answer = "the real packages answer" if imports.real else "nothing answers"
    reason, step = _reason(imports)
    yield Finding(PROBLEM, f"`import opencensus` does not reach census-compat, {answer}: {reason}.", step, evidence)


def _reason(imports: Imports) -> tuple[str, str]:
    """Return why the finder is off, and the next step."""
    if imports.switch_problem:
        return f"`import opencensus_compat.auto` raises {imports.switch_problem}", "Correct what it raises."
    refused = next((line for line in imports.start_said if "census-compat is not active" in line), "")
    if refused:
        return (
            "another path file imports the real OpenCensus before this package's is read",
            "Take the import out of that path file, or rename it so that it is read later: path files are read in the order of their names.",
        )
    if imports.no_site:
        return "the interpreter was started with -S, which reads no path files", _AUTO
    if imports.is_archive:
        return f"it lies in the archive {imports.place}, whose path files are not read", _AUTO
    if imports.path_file == "elsewhere":
        return f"it lies in {imports.place}, where the interpreter reads no path files", _AUTO
    if imports.path_file == "other":
        return "the path file census_compat.pth has another text than this package's", _REINSTALL
    if imports.path_file == "there":
        failed = next((line for line in reversed(imports.start_said) if _ERROR.match(line)), "")
        return f"its path file failed as the interpreter started{': ' + failed if failed else ''}", _REINSTALL
    if imports.place and imports.place in imports.site_folders:
        return f"the path file census_compat.pth is missing in {imports.place}", _REINSTALL
    return f"it lies in {imports.place or 'no folder of the path'}, where the interpreter reads no path files", _AUTO


@check("D002", group="imports", title="the facades are not switched off")
def disabled(facts: Facts) -> Iterator[Finding]:
    """``OPENCENSUS_COMPAT_DISABLED`` is not set."""
    imports = need(facts.imports)
    if imports.disabled:
        answer = "the real packages answer" if imports.real else "nothing answers"
        yield Finding(
            PROBLEM,
            f"OPENCENSUS_COMPAT_DISABLED={imports.disabled} switches the facades off: {answer}.",
            "Remove the variable OPENCENSUS_COMPAT_DISABLED.",
        )


@check("D003", group="imports", title="one package answers all modules")
def mixed(facts: Facts) -> Iterator[Finding]:
    """Each module of OpenCensus comes from this package, and not some from the real one."""
    imports = need(facts.imports)
    if not imports.active_now:
        return
    before = [name for name in _before(imports) if not name.startswith(("_frozen_importlib", "_distutils_hack"))]
    for each in imports.tried:
        if each.name.startswith("opencensus.") and each.found and not each.found.startswith("opencensus_compat."):
            finders = f"; before this package's finder stands {' and '.join(before)}" if before else ""
            yield Finding(
                PROBLEM,
                f"{each.name} comes from {each.file or each.found} and not from census-compat{finders}.",
                "Make `import opencensus_compat.auto` the first import of the program.",
                tuple(f"{other.name} is {other.found or other.error}" for other in imports.tried),
            )
            return


def _before(imports: Imports) -> tuple[str, ...]:
    names = list(imports.finders)
    at = next((number for number, name in enumerate(names) if name.startswith("opencensus_compat._alias")), len(names))
    return tuple(names[:at])


@check("D004", group="imports", title="the modules can be imported")
def fails(facts: Facts) -> Iterator[Finding]:
    """No import of OpenCensus's modules raises."""
    imports = need(facts.imports)
    if not imports.active_now or _shadowing(imports):
        return
    failed = [each for each in imports.tried if each.error]
    if failed and not isinstance(facts.versions, Absent) and any([*needed(facts), *one_release(facts)]):
        yield Finding(SKIPPED, f"`import {failed[0].name}` raises {failed[0].error}; what D011 or D012 says may be why.")
        return
    said = set()
    for each in failed:
        if each.error in said:
            continue
        said.add(each.error)
        step = f"pip install {_distribution(each.missing)}" if each.missing and each.error.startswith("ModuleNotFoundError") else _REINSTALL
        names = [other.name for other in failed if other.error == each.error]
        others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        yield Finding(PROBLEM, f"`import {each.name}`{others} raises {each.error}", step, (f"raised at {each.at}", *names))


def _distribution(module: str) -> str:
    """Return the distribution that has a module."""
    known = {
        "opentelemetry.sdk": "opentelemetry-sdk",
        "opentelemetry.semconv": "opentelemetry-semantic-conventions",
        "opentelemetry": "opentelemetry-api",
        "azure.identity": "azure-identity",
        "azure": "azure-identity",
        "opencensus": "--force-reinstall --no-deps census-compat",
        "appinsights_exporter": "--force-reinstall --no-deps census-compat",
        "opencensus_compat": "--force-reinstall --no-deps census-compat",
    }
    return next((name for start, name in known.items() if f"{module}.".startswith(f"{start}.")), module.partition(".")[0])


@check("D005", group="imports", title="no module of the program has the name of one that is needed")
def shadowed(facts: Facts) -> Iterator[Finding]:
    """The program has no file that imports find in the place of another's module."""
    imports = need(facts.imports)
    for each in _shadowing(imports):
        if each.name == "opencensus":
            text = f"The program's own {each.file} cannot be imported: census-compat answers `import opencensus`."
            if not imports.active_now:
                text = f"The program's own {each.file} answers `import opencensus` in the place of OpenCensus."
        else:
            text = f"The program's own {each.file} is imported as {each.name} in the place of the module that telemetry needs."
        # Of Azure's packages only tokens are made.
        yield Finding(WARNING if each.name == "azure" else PROBLEM, text, f"Rename {os.path.basename(each.file)}.")


def _shadowing(imports: Imports) -> list[Named]:
    """Return the program's modules that stand in the way: one with a name of the standard library only where an import failed."""
    failed = any(each.error for each in imports.tried)
    return [each for each in imports.own if each.name not in sys.stdlib_module_names or failed]


@check("D006", group="imports", title="one copy of this package")
def copies(facts: Facts) -> Iterator[Finding]:
    """The path has each half of this package once, both of one release."""
    imports = need(facts.imports)
    for package in ("opencensus_compat", "appinsights_exporter"):
        found = [each for each in imports.copies if each.package == package]
        if len(found) > 1:
            shown = " and ".join(f"{each.version or 'one of unknown release'} in {each.folder}" for each in found)
            yield Finding(
                PROBLEM if len({each.version for each in found}) > 1 else WARNING,
                f"The path has {len(found)} copies of {package}: {shown}; the first one is imported.",
                f"Take census-compat out of {found[-1].folder}, or that folder out of PYTHONPATH.",
            )
            return
    first = {each.package: each for each in reversed(imports.copies)}
    versions = {each.version for each in first.values() if each.version}
    if len(versions) > 1:
        shown = " and ".join(f"{each.package} {each.version} in {each.folder}" for each in first.values())
        yield Finding(PROBLEM, f"The two halves of census-compat are of different releases: {shown}.", _REINSTALL)


@check("D007", group="imports", title="imported integrations are there")
def integrations(facts: Facts) -> Iterator[Finding]:
    """Each integration that the program's files import is in this package, or installed."""
    for each in need(facts.imports).wanted:
        distribution = OTHERS.get(each.name.removeprefix("opencensus."))
        yield Finding(
            PROBLEM if distribution else WARNING,
            f"{each.file} imports {each.name}, which neither census-compat nor an installed distribution has.",
            f"pip install {distribution}" if distribution else f"Install the distribution that has {each.name}.",
        )
