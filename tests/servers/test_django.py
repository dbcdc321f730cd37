"""Django on a real database, whose driver has an integration of its own that is on as well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from opencensus_compat.local import LocalEndpoint

_PROGRAM = Path(__file__).parent / "programs" / "django_at_once.py"
_SETTINGS = ("APPLICATIONINSIGHTS_", "DJANGO_", "OPENCENSUS_COMPAT_", "OTEL_")


def test_200_requests_50_at_once(postgresql: int) -> None:
    """Each request has its query, once: Django's, not the driver's as well. What Django itself asks a new connection is the driver's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS)}
    with LocalEndpoint() as endpoint:
        environment = {**kept, "POSTGRESQL": str(postgresql), "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
        command = [sys.executable, "-W", "error", str(_PROGRAM)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert (done.stdout, done.stderr) == ("200\n", "")
        endpoint.wait_idle()
        requests = {row["id"]: row["name"].rpartition("/")[2] for row in endpoint.rows("requests")}
        dependencies = endpoint.rows("dependencies")
    queries = [row for row in dependencies if "db.statement" in row["customDimensions"]]
    texts = [row["customDimensions"]["db.statement"] for row in queries]
    assert sorted(requests.values(), key=int) == [str(number) for number in range(200)]
    assert sorted(texts) == sorted(f"SELECT %s AS number_{number}" for number in range(200))
    assert [f"SELECT %s AS number_{requests[row['operation_ParentId']]}" for row in queries] == texts
    others = {row["customDimensions"]["postgresql.query"] for row in dependencies if row not in queries}
    assert others <= {"SELECT set_config('TimeZone', %s, false)"}
