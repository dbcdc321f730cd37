"""Who answers ``import opencensus``, and why."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Copy", "Imports", "Named", "Tried"]


@dataclass(frozen=True, slots=True)
class Tried:
    """A module that was imported to see who answers."""

    name: str
    found: str
    """What it calls itself: a name of this package where that answers; empty where the import failed."""
    file: str
    error: str
    missing: str
    """The module that an ImportError names."""
    at: str
    """File and line that raised it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A place on the path that has a package."""

    package: str
    folder: str
    version: str
    """Empty where the file that has it cannot be read."""


@dataclass(frozen=True, slots=True)
class Named:
    """A file, and what it names."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Imports:
    """The interpreter's import system."""

    executable: str
    finders: tuple[str, ...]
    """Those on ``sys.meta_path``, in their order."""
    active: bool
    """Whether this package's finder was on as the interpreter had started."""
    active_now: bool
    """The same after what the program does for it."""
    switch_problem: str
    """What ``import opencensus_compat.auto`` raised."""
    switched_on_by: tuple[str, ...]
    """Files of the program that switch it on."""
    disabled: str
    """What ``OPENCENSUS_COMPAT_DISABLED`` says, where that switches the finder off."""
    no_site: bool
    isolated: bool
    site_folders: tuple[str, ...]
    """Those whose ``.pth`` files are read."""
    place: str
    """The folder or archive that this package is imported from."""
    path_file: str
    """``there``, ``missing`` or ``other``: the ``.pth`` file beside the package, or that of an editable install."""
    is_archive: bool
    start_said: tuple[str, ...]
    """What the start of the interpreter printed on standard error."""
    tried: tuple[Tried, ...]
    copies: tuple[Copy, ...]
    """Of this package's two halves, in the order of the path."""
    real: tuple[str, ...]
    """Places that have the real OpenCensus."""
    own: tuple[Named, ...]
    """Modules of the program, or in folders before the installed packages, that have the name of one that is needed."""
    wanted: tuple[Named, ...]
    """Integrations that files of the program import, and nothing has."""
    seen_inside: bool
    """Whether this is the program's own process."""
