"""Which distributions are installed, read from the names of their folders: nothing is imported, and few files are opened."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence

from opencensus_compat.doctor.releases import normalized
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.versions import Installed, Versions

__all__ = ["collect", "entries"]

_METADATA = re.compile(r"([A-Za-z0-9][\w.]*?)-([\w.!+]+?)(?:-py[\d.]+)?\.(dist-info|egg-info)")
_INTERESTING = re.compile(
    r"(?:opentelemetry|opencensus|azure-(?:monitor|identity|core|functions)|census-compat|appinsights|applicationinsights|microsoft-opentelemetry|"
    r"requests|urllib3|certifi|orjson|psutil|six|googleapis-common-protos|gunicorn|uvicorn|uwsgi|celery|rq|gevent|eventlet|mod-wsgi)(?:-|$)"
)
_LIBRARIES = frozenset(
    [
        "flask",
        "django",
        "fastapi",
        "starlette",
        "pyramid",
        "azure-functions",
        "httplib",
        "requests",
        "httpx",
        "sqlalchemy",
        "psycopg2",
        "psycopg2-binary",
        "psycopg",
        "pymysql",
        "mysql-connector-python",
        "mysqlclient",
        "pymongo",
        "grpcio",
        "google-cloud-core",
        "google-api-core",
    ]
)
_REQUIREMENTS_OF = re.compile(r"opentelemetry-|census-compat$|azure-monitor-")


def collect(request: Request) -> Versions:
    """Return the interpreter and what is installed for it."""
    from opencensus_compat._integrations import INTEGRATIONS

    places = tuple(_Place(entry) for entry in entries(sys.path))
    modules = sorted({module for each in INTEGRATIONS.values() for module in each.legacy_needs})
    return Versions(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        implementation=sys.implementation.name,
        installed=tuple(found for place in places for found in _installed(place)),
        modules=tuple(module for module in modules if any(place.has(module) for place in places)),
    )


def entries(path: Sequence[str]) -> Iterator[str]:
    """Yield the folders and archives of a path that there are, each once."""
    seen = set()
    for entry in path:
        place = os.path.realpath(entry or ".") if isinstance(entry, str) else ""
        if place and place not in seen and os.path.exists(place):
            seen.add(place)
            yield place


class _Place:
    """A folder of the path, or an archive."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: frozenset[str] = frozenset()
        """Of what is right below it."""
        self._archive: frozenset[str] | None = None
        if os.path.isdir(path):
            with contextlib.suppress(OSError):
                self.names = frozenset(os.listdir(path))
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                self._archive = frozenset(archive.namelist())
            self.names = frozenset(name.partition("/")[0] for name in self._archive)

    def has(self, module: str) -> bool:
        """Tell whether a module or a package of this name is there."""
        first, *rest = module.split(".")
        if first not in self.names and f"{first}.py" not in self.names:
            return False
        if not rest:
            return True
        inside = "/".join([first, *rest])
        if self._archive is not None:
            return any(name.startswith((f"{inside}/", f"{inside}.py")) for name in self._archive)
        return os.path.isdir(os.path.join(self.path, inside)) or os.path.isfile(os.path.join(self.path, f"{inside}.py"))

    def read(self, *names: str) -> str:
        """Return the text of the first of some files that is there; an empty text if none is."""
        for name in names:
            with contextlib.suppress(OSError, KeyError, zipfile.BadZipFile):
                if self._archive is None:
                    with open(os.path.join(self.path, name), encoding="utf-8", errors="replace") as file:
                        return file.read()
                with zipfile.ZipFile(self.path) as archive:
                    return archive.read(name).decode("utf-8", "replace")
        return ""


def _installed(place: _Place) -> Iterator[Installed]:
    for folder in sorted(place.names):
        found = _METADATA.fullmatch(folder)
        name = normalized(found[1]) if found else ""
        if found and (_INTERESTING.match(name) or name in _LIBRARIES):
            requires = _requirements(place.read(f"{folder}/METADATA", f"{folder}/PKG-INFO")) if _REQUIREMENTS_OF.match(name) else ()
            yield Installed(name, found[2], place.path, requires)


def _requirements(metadata: str) -> tuple[str, ...]:
    """Return the requirements that always hold; markers of extras name what is not always wanted."""
    head = metadata.partition("\n\n")[0]
    lines = [line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("Requires-Dist:")]
    return tuple(line for line in lines if ";" not in line)
