"""Which distributions are installed, read from the names of their folders: nothing is imported, and few files are opened."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from opencensus_compat.doctor.collect.places import Place, places
from opencensus_compat.doctor.releases import normalized
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.versions import Installed, Versions

__all__ = ["collect"]

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

    found = places(request.path)
    modules = sorted({module for each in INTEGRATIONS.values() for module in each.legacy_needs})
    return Versions(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        implementation=sys.implementation.name,
        installed=tuple(each for place in found for each in _installed(place)),
        modules=tuple(module for module in modules if any(place.has_module(module) for place in found)),
    )


def _installed(place: Place) -> Iterator[Installed]:
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
