"""Releases: which are installed, and whether they fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from opencensus_compat._integrations import INTEGRATIONS
from opencensus_compat.doctor.check import PROBLEM, WARNING, Finding, Verdict, check, need
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.releases import Requirement, requirement, takes
from opencensus_compat.doctor.sections.versions import Installed, Versions

_OLDEST_PYTHON, _NEWEST_PYTHON = (3, 10), (3, 14)
"""Releases that the tests run on."""
_NEEDED = {
    "opentelemetry-api": ">=1.28,<2",
    "opentelemetry-sdk": ">=1.28,<2",
    "requests": ">=2.20,<3",
    "azure-identity": ">=1.5,<2",
    "psutil": ">=5.6.3",
    "orjson": ">=3.8,<4",
}
"""What this distribution needs; its metadata say the same, and are not there in every copy."""
_CORE = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-semantic-conventions")


def first(versions: Versions) -> dict[str, Installed]:
    """Return the distribution that is imported of each name: the first on the path."""
    return {each.name: each for each in reversed(versions.installed)}


@check("D010", group="versions", title="release of Python")
def python(facts: Facts) -> Iterator[Finding]:
    """Python is of a release that the tests run on."""
    version = need(facts.versions).python
    shown = ".".join(map(str, version))
    supported = f"{'.'.join(map(str, _OLDEST_PYTHON))} to {'.'.join(map(str, _NEWEST_PYTHON))}"
    if version[:2] < _OLDEST_PYTHON:
        yield Finding(
            PROBLEM, f"Python {shown} is older than this package supports ({supported}).", f"Run the program on Python {supported}."
        )
    elif version[:2] > _NEWEST_PYTHON:
        yield Finding(WARNING, f"Python {shown} is newer than the releases that the tests run on ({supported}).")


@check("D011", group="versions", title="what this package needs")
def needed(facts: Facts) -> Iterator[Finding]:
    """Each distribution that this one needs is installed, in a release that fits."""
    installed = first(need(facts.versions))
    missing = [name for name in _NEEDED if name not in installed]
    if missing:
        one = len(missing) == 1
        yield Finding(
            PROBLEM,
            f"{', '.join(missing)} {'is' if one else 'are'} not installed; census-compat needs {'it' if one else 'them'}.",
            f'pip install "{missing[0]}{_NEEDED[missing[0]]}"' if one else "pip install census-compat",
        )
    for name, clauses in _NEEDED.items():
        found = installed.get(name)
        if found is not None and not takes(clauses, found.version):
            yield Finding(
                PROBLEM,
                f"{name} {found.version} is installed; census-compat needs {name}{clauses}.",
                f'pip install "{name}{clauses}"',
                (f"{name} is in {found.folder}",),
            )


@check("D012", group="versions", title="OpenTelemetry's own packages are of one release")
def one_release(facts: Facts) -> Iterator[Finding]:
    """OpenTelemetry's API, SDK and semantic conventions are what each of them asks for."""
    installed = first(need(facts.versions))
    for name in _CORE:
        if name in installed:
            for wanted, found in _unmet(installed[name], installed):
                if wanted.name in _CORE:
                    yield _mismatch(installed[name], wanted, found, f"pip install --upgrade {' '.join(_CORE)}", PROBLEM)


@check("D013", group="versions", title="instrumentations and exporters fit the SDK")
def contrib(facts: Facts) -> Iterator[Finding]:
    """OpenTelemetry's other packages, and Azure Monitor's, get the releases that they ask for."""
    installed = first(need(facts.versions))
    wrong = _wrong(installed)
    for each in installed.values():
        if each.name not in _CORE and each.name != "census-compat":
            for wanted, found in _unmet(each, installed):
                if wanted.name in wrong:
                    continue  # D011 or D012 says so.
                yield _mismatch(each, wanted, found, f'pip install --upgrade {each.name} "{wanted.name}{wanted.clauses}"', WARNING)


def _wrong(installed: dict[str, Installed]) -> frozenset[str]:
    """Return OpenTelemetry's own distributions of which a check has said that they are of another release than is needed."""
    outside = {name for name in _CORE if name in _NEEDED and (name not in installed or not takes(_NEEDED[name], installed[name].version))}
    unmet = {(name, wanted.name) for name in _CORE if name in installed for wanted, _ in _unmet(installed[name], installed)}
    return frozenset(outside.union(*unmet))


def _unmet(each: Installed, installed: dict[str, Installed]) -> Iterator[tuple[Requirement, Installed | None]]:
    for text in each.requires:
        wanted = requirement(text)
        if wanted is None or not wanted.name.startswith("opentelemetry-"):
            continue
        found = installed.get(wanted.name)
        if found is None or not takes(wanted.clauses, found.version):
            yield wanted, found


def _mismatch(each: Installed, wanted: Requirement, found: Installed | None, step: str, verdict: Verdict) -> Finding:
    there = f"{found.version} is installed" if found else "it is not installed"
    evidence = (f"{each.name} is in {each.folder}", *([f"{found.name} is in {found.folder}"] if found else []))
    return Finding(verdict, f"{each.name} {each.version} needs {wanted.name} {wanted.clauses}, and {there}.", step, evidence)


@check("D014", group="versions", title="several copies of a distribution")
def copies(facts: Facts) -> Iterator[Finding]:
    """No folder has the metadata of two releases, and OpenTelemetry's namespace does not mix the files of two."""
    versions = need(facts.versions)
    wrong = _wrong(first(versions))
    found: dict[str, list[Installed]] = {}
    for each in versions.installed:
        found.setdefault(each.name, []).append(each)
    found.pop("census-compat", None)  # D006 looks at its copies.
    for name, several in found.items():
        folders = {each.folder for each in several}
        for folder in sorted(folders):
            releases = [each.version for each in several if each.folder == folder]
            if len(releases) > 1:
                yield Finding(
                    PROBLEM if name in _NEEDED else WARNING,
                    f"{folder} has the metadata of {name} {' and '.join(releases)}: an installation was not completed.",
                    f"pip install --force-reinstall --no-deps {name}",
                )
        if name in _CORE and name not in wrong and len({each.version for each in several}) > 1 and len(folders) > 1:
            shown = " and ".join(f"{each.version} in {each.folder}" for each in several)
            yield Finding(
                WARNING,
                f"{name} is on the path more than once: {shown}; modules that the first one lacks are taken from the other.",
                f"Take {name} out of {several[-1].folder}, or that folder out of PYTHONPATH.",
            )


@check("D015", group="versions", title="legacy integrations have what they need")
def legacy_needs(facts: Facts) -> Iterator[Finding]:
    """An installed legacy integration lacks a module that its files import, so that this package's own answers in its place."""
    versions = need(facts.versions)
    installed = first(versions)
    for integration in INTEGRATIONS.values():
        name = integration.distribution.partition(" ")[0]
        missing = [module for module in integration.legacy_needs if module not in versions.modules]
        if name in installed and missing and not integration.is_always_ours:
            yield Finding(
                WARNING,
                f"{name} is installed and lacks {' and '.join(missing)}, so census-compat's own opencensus.{integration.path} answers.",
                f"pip uninstall {name}",
            )
