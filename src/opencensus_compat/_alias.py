"""The import finder that answers ``opencensus`` and ``opencensus.*`` with our modules.

The ``.pth`` file imports this module at every interpreter start, so it imports only what the interpreter has loaded already and
stays small; what the finder does once a program asks for ``opencensus`` is in ``_lookup``. Not even ``__future__`` is imported here.
"""

import os
import sys

started_in = os.getpid()
"""The process that read the `.pth` file, or imported this package; in those that it forks another number than theirs."""

redirect_at_start = ""
"""Where exporters are to send, below `census-compat local`, as the environment said when this process started."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
del TYPE_CHECKING


class Finder:
    """A ``sys.meta_path`` finder for the legacy names, and for modules of other distributions asked for under our own name."""

    def find_spec(self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        """Return how to load ``fullname``, or None when another finder should be asked.

        Raises: ModuleNotFoundError for a name that must not be looked up any further (see ``_lookup``).
        """
        # Every import of the process passes here: one prefix test for all that are not ours.
        if not fullname.startswith("opencensus"):
            return None
        # What is private to us is nobody else's; nor could `_lookup` be imported here if it were looked up by itself.
        if fullname.startswith(("opencensus.", "opencensus_compat.")) or fullname == "opencensus":
            if fullname.startswith("opencensus_compat._"):
                return None if target else _loaded_before(fullname)
            from opencensus_compat import _lookup

            return _lookup.spec(fullname, path, beyond=self)
        # The package is what holds the private ones.
        return _loaded_before(fullname) if fullname == "opencensus_compat" and not target else None


def _loaded_before(fullname: str) -> "ModuleSpec | None":
    """Return the spec of a private module that is loaded, though a program has taken its name out of `sys.modules`; None for any other.

    Tests of programs take out all names that begin with `opencensus`, and import anew. Queues, exporters and what is known of providers are
    one for the process all the same: made twice, they would send each item twice.
    """
    module: object = _root
    for part in fullname.split(".")[1:]:
        module = vars(module).get(part)
        if type(module) is not type(sys):
            return None
    from _frozen_importlib import ModuleSpec

    # A loader by what it does: its abstract base would have to be imported.
    spec = ModuleSpec(fullname, _LoadedLoader(module))  # type: ignore[arg-type] # has what the import system calls
    spec.submodule_search_locations = getattr(module, "__path__", None)
    return spec


class _LoadedLoader:
    """A loader whose module is loaded."""

    def __init__(self, module: "ModuleType") -> None:
        self._module = module
        self._own_spec = module.__spec__

    def create_module(self, spec: "ModuleSpec") -> "ModuleType":
        """Return the module."""
        return self._module

    def exec_module(self, module: "ModuleType") -> None:
        """Put back the module's own spec, over which the import system has just written another."""
        module.__spec__ = self._own_spec


_root = sys.modules[__name__.partition(".")[0]]
_finder = Finder()


def install() -> None:
    """Make ``import opencensus...`` give our facades, from now on and in the whole process; calling it again changes nothing.

    Does nothing while the environment variable ``OPENCENSUS_COMPAT_DISABLED`` is ``1``, ``true``, ``yes`` or ``on``.

    Raises: RuntimeError when modules of the real ``opencensus`` are loaded already; nothing is changed then.
    """
    notes = os.environ.get("OPENCENSUS_COMPAT_LOCAL_NOTES")
    if notes:
        global redirect_at_start
        from opencensus_compat._bridge.notes import begin

        redirect_at_start = redirect_at_start or begin(notes)
    if _finder in sys.meta_path or os.environ.get("OPENCENSUS_COMPAT_DISABLED", "").lower().strip(" \"'") in ("1", "true", "yes", "on"):
        return
    loaded = sorted(name for name in sys.modules if name.startswith("opencensus."))
    if loaded:
        raise RuntimeError(
            f"expected no opencensus module to be loaded yet, found {len(loaded)} of the real SDK, among them {loaded[0]!r}; "
            "make `import opencensus_compat.auto` the first import of the program, or start it with `python -m opencensus_compat run -- CMD`"
        )
    # The bare root may be there (a namespace `.pth` of an old install makes one); it holds nothing worth keeping.
    sys.modules.pop("opencensus", None)
    sys.meta_path.insert(0, _finder)


def install_at_start() -> None:
    """Do what ``install`` does, as the interpreter starts: a problem becomes a RuntimeWarning, for no start may fail over it."""
    try:
        install()
    except RuntimeError as problem:
        import warnings

        warnings.warn(f"census-compat is not active: {problem}", RuntimeWarning, stacklevel=2)


def uninstall() -> None:
    """Undo ``install``: the next ``import opencensus...`` gives the real packages, or fails where there are none.

    Modules that a program holds already stay what they are. Legacy integrations that were loaded from disk onto our facades are
    forgotten as well, so that they load again onto the real packages. Without ``install`` before, it does nothing.
    """
    if _finder not in sys.meta_path:
        return
    sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if name == "opencensus" or name.startswith("opencensus.")]:
        module = sys.modules.pop(name)
        if getattr(module, "__name__", None) != name:
            continue  # One of ours: it stays, under its own name.
        own_name = f"opencensus_compat{name[len('opencensus') :]}"
        sys.modules.pop(own_name, None)
        parent, _, child = own_name.rpartition(".")
        if parent in sys.modules:
            vars(sys.modules[parent]).pop(child, None)
