"""Programs that do what real clients of the retired SDK do, over a local endpoint."""

from __future__ import annotations

import pytest

from opencensus_compat.local import LocalEndpoint


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def run(endpoint, run_program):
    """Return a function that runs a program against the endpoint and returns the items that arrived, in order of start.

    Each is a dict with the portal's columns `name`, `id`, `operation_ParentId`, `customDimensions` and the like, and `table`.
    """

    def run_and_read(source, count, **options):
        options = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, **options}
        run_and_read.printed = run_program(source, **options)
        endpoint.wait_for(count)
        assert endpoint.wait_idle()
        assert endpoint.refused == []
        rows = [{"table": table, **row} for table in ("requests", "dependencies", "exceptions") for row in endpoint.rows(table)]
        assert len(rows) == count
        return sorted(rows, key=lambda row: (row["timestamp"], row["table"]))

    return run_and_read
