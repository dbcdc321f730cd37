"""Which module answers a legacy name: ours, a legacy integration on disk, or none.

One module object stands under both names (``sys.modules["opencensus.trace.tracer"] is sys.modules["opencensus_compat.trace.tracer"]``);
its ``__name__`` and ``__spec__`` are those of our name, so that reloading it, reading its source or its resources, and relative
imports in it work whichever name it was reached by.

Locks: a thread that imports a legacy name holds the import lock of that name and then takes that of ours. It is never the other way
round, because our own modules import each other under our name only (``tests/test_architecture.py`` holds that); so two threads cannot
wait for each other, and a module stands under its legacy name only when it is complete. For an integration on disk the two names
change places: it is the legacy one that it is loaded under.

The finder runs under the import system's global lock (up to Python 3.13 at least), so nothing here may wait for a module that another
thread is loading: that thread may be waiting for the global lock. What is imported below is loaded in every interpreter; the modules
that a program asks for are imported by the loader, which runs without that lock.
"""

import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import PathFinder  # what importlib.machinery gives out under this name
from _thread import get_ident

from opencensus_compat._integrations import INTEGRATIONS, MOVED, OTHERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

del TYPE_CHECKING

_LEGACY = "opencensus"
_OURS = "opencensus_compat"
_OPENCENSUS = frozenset({"common", "ext", "extension", "log", "metrics", "stats", "tags", "trace"})
"""What OpenCensus has at its top. Whatever else is at ours, and names with a leading underscore, are not to be seen under its name."""
_PACKAGES = tuple(f"{_OURS}.{name}" for name in sorted(_OPENCENSUS))
"""Ours of these, which may be loaded before a program asks for them."""
_STOOD_FOR = frozenset({"opencensus", "opencensus_context", "opencensus_ext_azure"})
"""The distributions that this package stands in for, as the names of their metadata folders begin."""
_ONLY_THEIRS = (("trace", "tracer.py"), ("common", "runtime_context", "__init__.py"), ("ext", "azure", "common", "__init__.py"))
"""A file of each of them, which no other distribution brings."""
_frame_at = getattr(sys, "_getframe", None)
"""Returns the frame so many calls up; None in interpreters that have no such function."""
_asked: "set[tuple[int, str]]" = set()
"""Thread and name of each question to the other finders that is under way."""


def spec(fullname: str, path: "Sequence[str] | None", *, beyond: object) -> "ModuleSpec | None":
    """Return how to load ``fullname``, or None when the other finders should be asked.

    Args:
        fullname: ``opencensus``, ``opencensus.<rest>`` or ``opencensus_compat.ext.<rest>``.
        path: The parent package's ``__path__``, as the import system hands it over.
        beyond: Our finder on ``sys.meta_path``, to be left out when the others are asked.
    Raises: ModuleNotFoundError for a module that is private to us, and for one that only the real SDK has.
    """
    if (get_ident(), fullname) in _asked:
        return None  # A finder that we have asked asks all others in its turn, as the import hooks of some tools do.
    root, _, rest = fullname.partition(".")
    parent = sys.modules.get(fullname.rpartition(".")[0])
    if root == _OURS:
        return _under_our_name(rest, path, parent, beyond)
    # The bare root counts as ours whoever put it there: namespace `.pth` files of old installs do, after we have started.
    if "." in rest and not _is_ours(parent):
        return None  # Inside an integration on disk, whose own `__path__` leads to its modules.
    return _under_legacy_name(rest, beyond)


def _under_legacy_name(rest: str, beyond: object) -> "ModuleSpec | None":
    """Return the spec of ``opencensus`` (``rest`` empty) or of ``opencensus.<rest>``, whose parent is one of our packages."""
    legacy_name, our_name = (f"{_LEGACY}.{rest}", f"{_OURS}.{rest}") if rest else (_LEGACY, _OURS)
    parts = rest.split(".")
    loaded = sys.modules.get(our_name)
    own = loaded.__spec__ if loaded else _elsewhere(our_name, _own_path(our_name.rpartition(".")[0]), beyond)
    is_legacy = not rest or (parts[0] in _OPENCENSUS and not any(part.startswith("_") for part in parts))
    if own is not None and is_legacy:
        on_disk, problem = (None, "") if loaded else _of_its_distribution(rest, beyond)
        return _alias_spec(legacy_name, own, problem) if on_disk is None else on_disk
    on_disk = _on_disk(rest)
    if own is not None and on_disk is None:
        # The next finder would look into our package, and find what is new or private there.
        raise ModuleNotFoundError(f"No module named {legacy_name!r}", name=legacy_name)
    if on_disk is not None and not _is_of_others(rest, on_disk):
        places = on_disk.origin or ", ".join(on_disk.submodule_search_locations or ())
        raise ModuleNotFoundError(
            f"No module named {legacy_name!r}: census-compat stands in for opencensus here and has no such module. The installed "
            f"distribution has one ({places}), but the two do not mix; OPENCENSUS_COMPAT_DISABLED=1 gives the real packages.",
            name=legacy_name,
        )
    if on_disk is None:
        _refuse(rest, legacy_name, beyond)
    return on_disk


def _refuse(rest: str, legacy_name: str, beyond: object) -> None:
    """Raise ModuleNotFoundError for a module that neither this package nor a distribution has, and say which one would have it.

    Not for one that another finder knows, nor where there is nothing to say, nor for programs that only look whether a module is there.
    """
    if not _is_import():
        return
    parts = rest.split(".")
    starts = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    moved = next((start for start in starts if start in MOVED), None)
    other = next((start for start in starts if start in OTHERS), None)
    if moved is not None:
        hint = f"its modules have been in {MOVED[moved]} since OpenCensus 0.2"
    elif other is not None:
        hint = f"the distribution {OTHERS[other]} has it, and runs with census-compat as it is: pip install {OTHERS[other]}"
    elif parts[0] == "ext" and len(parts) == 2:
        names = ", ".join(sorted(path.partition(".")[2] for path in INTEGRATIONS if path.startswith("ext.")))
        hint = f"no installed distribution has it, and census-compat has azure, {names}"
    else:
        return
    if _elsewhere(legacy_name, sys.modules[legacy_name.rpartition(".")[0]].__path__, beyond) is None:
        raise ModuleNotFoundError(f"No module named {legacy_name!r}: {hint}", name=legacy_name)


def _is_import() -> bool:
    """Tell whether an import asks for the spec: `importlib.util.find_spec` gets None for what is not there, and no error."""
    frame = None if _frame_at is None else _frame_at(2)
    while frame is not None and frame.f_code.co_name != "_find_spec":
        frame = frame.f_back
    return frame is not None and frame.f_back is not None and frame.f_back.f_code.co_name == "_find_and_load_unlocked"


def _of_its_distribution(rest: str, beyond: object) -> "tuple[ModuleSpec | None, str]":
    """Return an integration of ours as the legacy distribution has it, which is what the user has chosen, and why that cannot work.

    None and an empty text where no distribution of it is installed; None and the reason where ours is to answer in its place.
    """
    integration = INTEGRATIONS.get(rest)
    if integration is None or integration.is_always_ours:
        return None, ""
    on_disk = _on_disk(rest)
    if on_disk is None or (on_disk.origin is None and not _has_modules(on_disk)):
        return None, ""
    missing = [name for name in integration.legacy_needs if not _is_there(name, beyond)]
    if not missing:
        return on_disk, ""
    distribution = integration.distribution.partition(" ")[0]
    return None, (
        f"census-compat's own {_LEGACY}.{rest} is in use: the installed {distribution} needs {' and '.join(missing)}, which "
        f"{'are' if len(missing) > 1 else 'is'} not there. To end this message: pip uninstall {distribution}"
    )


def _has_modules(namespace: ModuleSpec) -> bool:
    """Tell whether a namespace package has any module: the removal of a distribution may leave its folder."""
    for place in namespace.submodule_search_locations or ():
        try:
            if any(name.endswith((".py", ".pyc", ".so", ".pyd")) for name in os.listdir(place)):
                return True
        except OSError:
            continue
    return False


def _is_there(name: str, beyond: object) -> bool:
    """Tell whether a module can be imported, without importing it or its package."""
    path: Sequence[str] | None = None
    found = ""
    for part in name.split("."):
        found = f"{found}.{part}" if found else part
        loaded = sys.modules.get(found)
        if loaded is not None:
            path = getattr(loaded, "__path__", None)
            continue
        # By its last part: a namespace package asks for the one around it among the loaded modules, where that is not.
        spec = _elsewhere(found, None, beyond) if path is None else PathFinder.find_spec(part, list(path))
        if spec is None:
            return False
        path = spec.submodule_search_locations or ()
    return True


def _under_our_name(rest: str, path: "Sequence[str] | None", parent: "ModuleType | None", beyond: object) -> "ModuleSpec | None":
    """Return the spec of ``opencensus_compat.<rest>``: ours, or a module of others on disk that is then loaded under its legacy name.

    ``from opencensus.ext import flask`` asks for it so, because the name that ``opencensus.ext`` knows itself by is ours.
    """
    if "." in rest and rest.partition(".")[0] not in _OPENCENSUS and not _is_integration(rest):
        return None
    if _is_ours(parent):
        own = _elsewhere(f"{_OURS}.{rest}", _without_legacy_folders(path), beyond)
        if own is not None:
            of_others, _ = _of_its_distribution(rest, beyond)
            return own if of_others is None else _alias_spec(f"{_OURS}.{rest}", of_others)
        on_disk = _on_disk(rest)
        if on_disk is None or not _is_of_others(rest, on_disk):
            return None
    else:
        on_disk = _elsewhere(f"{_LEGACY}.{rest}", path, beyond)
    return on_disk and _alias_spec(f"{_OURS}.{rest}", on_disk)


def legacy_folders(*inside: str) -> "list[str]":
    """Return the folders ``opencensus/<inside>`` that there are on ``sys.path``; in archives, also those that there may be."""
    found = []
    for entry in sys.path:
        if not isinstance(entry, str):
            continue  # As Python itself does.
        try:
            start = entry or os.getcwd()
        except OSError:
            continue  # The working directory is gone.
        folder = os.path.join(start, _LEGACY, *inside)
        # A folder that is not there is left out: the path machinery would remember its absence until its caches are dropped,
        # and an integration that a notebook installs meanwhile would not be found.
        if os.path.isdir(folder) or _is_in_archive(start):
            found.append(folder)
    return found


def _is_in_archive(path: str) -> bool:
    while path and not os.path.isdir(path):
        if os.path.isfile(path):
            return True
        path, child = os.path.split(path)
        if not child:
            break
    return False


def _own_path(package: str) -> "Sequence[str] | None":
    """Return our part of the `__path__` of one of our packages, which the import system has loaded before it asks for a module in it."""
    __import__(package)
    return _without_legacy_folders(sys.modules[package].__path__)


def _without_legacy_folders(path: "Sequence[str] | None") -> "Sequence[str] | None":
    """Return a `__path__` without the folders of integrations, which `opencensus.ext` and its like have in theirs for those that list them."""
    ends = tuple(os.path.join(os.sep, _LEGACY, *parts) for parts in (("ext",), ("extension",), ("extension", "azure")))
    return path and [entry for entry in path if not (isinstance(entry, str) and entry.endswith(ends))]


def _is_ours(module: "ModuleType | None") -> bool:
    return getattr(module, "__name__", "").partition(".")[0] == _OURS


def _is_integration(rest: str) -> bool:
    """Tell whether a legacy integration may have the module; ``ext.azure`` belongs to the SDK that we stand in for.

    ``opencensus.proto`` is a distribution of its own, which the exporter to the OpenCensus agent needs, and ``opencensus.extension`` holds
    what the workers of Azure Functions load.
    """
    parts = rest.split(".")
    return parts[0] in ("proto", "extension") or (parts[0] == "ext" and parts[1:2] != ["azure"])


def _elsewhere(name: str, path: "Sequence[str] | None", beyond: object) -> "ModuleSpec | None":
    """Return what the other finders say of ``name``."""
    question = (get_ident(), name)
    _asked.add(question)
    try:
        for finder in sys.meta_path:
            # Finders from before `find_spec` still stand on some paths.
            if finder is not beyond and hasattr(finder, "find_spec"):
                found: ModuleSpec | None = finder.find_spec(name, path)
                if found is not None:
                    return found
    finally:
        _asked.discard(question)
    return None


def _on_disk(rest: str) -> "ModuleSpec | None":
    """Return the spec of ``opencensus.<rest>`` as the folders (and archives) of ``sys.path`` have it, from all of them together."""
    folders = legacy_folders(*rest.split(".")[:-1])
    found: ModuleSpec | None = PathFinder.find_spec(f"{_LEGACY}.{rest}", folders)
    return found


def _is_of_others(rest: str, found: ModuleSpec) -> bool:
    """Tell whether a module on disk is not one of the SDK that we stand in for: then it works with ours.

    Integrations never are. Of the rest, those that the metadata of another distribution list are not, nor those in a folder of
    ``sys.path`` where the real SDK is not. A namespace package keeps the folders of others only.
    """
    if _is_integration(rest):
        return True
    places = found.submodule_search_locations
    if found.origin is not None or places is None:
        return _is_place_of_others(rest, os.path.dirname(found.origin or "") if places is None else os.path.dirname(next(iter(places))))
    kept = [place for place in places if _is_place_of_others(rest, os.path.dirname(place))]
    if kept and len(kept) < len(list(places)):
        found.submodule_search_locations = kept
    return bool(kept)


def is_file_of_others(path: "os.PathLike[str]", inside: "Sequence[str]") -> bool:
    """Tell whether a file below a folder ``opencensus`` is not of the SDK that we stand in for.

    Args:
        path: Of the file.
        inside: Its path below that folder, in parts.
    """
    rest = ".".join([*inside[:-1], inside[-1].partition(".")[0]])
    return _is_integration(rest) or _is_place_of_others(rest, os.path.dirname(path))


def _is_place_of_others(rest: str, folder: str) -> bool:
    """Tell whether the module ``opencensus.<rest>`` that lies in a folder is of another distribution."""
    parts = rest.split(".")
    entry = folder
    for _ in parts:
        entry = os.path.dirname(entry)
    if _is_listed_by_another(entry, "/".join([_LEGACY, *parts])):
        return True
    if parts[:2] == ["ext", "azure"]:
        return False
    return not any(os.path.isfile(os.path.join(entry, _LEGACY, *file)) for file in _ONLY_THEIRS)


def _is_listed_by_another(entry: str, module: str) -> bool:
    """Tell whether a distribution that we do not stand in for has installed a module, given as a path, into a folder of ``sys.path``."""
    try:
        names = os.listdir(entry)
    except OSError:
        return False
    for name in names:
        stem, kind = os.path.splitext(name)
        lists = {".dist-info": ("RECORD",), ".egg-info": ("installed-files.txt", "SOURCES.txt")}.get(kind, ())
        if stem.partition("-")[0].lower().replace(".", "_") in _STOOD_FOR:
            continue
        for file in lists:
            try:
                with open(os.path.join(entry, name, file), encoding="utf-8", errors="replace") as listed:
                    text = "\n" + listed.read()
            except OSError:
                continue
            if any(f"\n{start}{module}{end}" in text for start in ("", "../") for end in (".", "/")):
                return True
    return False


def _alias_spec(name: str, target: ModuleSpec, problem: str = "") -> ModuleSpec:
    # A loader by what it does: its abstract base would cost more modules than all else here, and be imported under that lock.
    alias = ModuleSpec(name, _AliasLoader(target.name, problem), origin=target.origin)  # type: ignore[arg-type] # has what the import system calls
    alias.submodule_search_locations = target.submodule_search_locations
    return alias


class _AliasLoader:
    """A loader whose module is the one that stands under another name; it logs why that is so, where there is a problem."""

    def __init__(self, target: str, problem: str) -> None:
        self._target = target
        self._problem = problem
        self._target_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> "ModuleType":
        """Return the target module, imported under its own name if need be."""
        __import__(self._target)
        if self._problem:
            from logging import getLogger

            getLogger(_OURS).warning(self._problem)
        module = sys.modules[self._target]
        self._target_spec = module.__spec__
        for name in (self._target, *_PACKAGES):
            _show_modules_of(name)
        return module

    def exec_module(self, module: "ModuleType") -> None:
        """Put back the module's own spec, over which the import system has just written the alias's."""
        module.__spec__ = self._target_spec


def _show_modules_of(package: str) -> None:
    """Let modules of a package be its attributes: OpenCensus's modules have imported more of each other than ours have.

    Not those of `ext`, where each has to be asked for: to import an integration may patch a library.
    """
    names = vars(sys.modules[package]) if package in sys.modules else {}
    if "__path__" not in names or "__getattr__" in names or package.endswith(".ext"):
        return

    def found(name: str) -> object:
        full_name = f"{package}.{name}"
        if not name.startswith("_") and PathFinder.find_spec(full_name, names["__path__"]) is not None:
            __import__(full_name)
            _show_modules_of(full_name)
            return sys.modules[full_name]
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    names["__getattr__"] = found
