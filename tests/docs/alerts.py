"""``make alerts``: the rules for Prometheus and the queries of the guide, run on what programs of this package count and send.

In an environment of its own: promtool (Debian's package prometheus) runs the rules, OpenTelemetry's exporter for Prometheus says under which
names the counters arrive there, and duckdb-kql, which is measured against Kusto, runs each query of the guide on the items of a program that
loses some. Prints what each query finds, and ends with 1 where a counter has another name, a query fails, or an alert does not fire.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb_kql
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from prometheus_client import generate_latest

import appinsights_exporter
import opencensus_compat
from appinsights_exporter import ApplicationInsightsMetricExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.tables import TABLES
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

_GUIDE = Path(__file__).parents[2] / "migration_guide"
_LOST = 150
_KINDS = {"TEXT": "VARCHAR", "REAL": "DOUBLE", "INTEGER": "BIGINT", "JSON": "JSON"}
_FIRES = ("item_dropped_count", "latest <")
"""What is in the queries that are alerts: each of them must find something."""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _items() -> tuple[dict[str, list[dict[str, Any]]], str]:
    """Return the rows of a program that loses items, by table, and its metrics as Prometheus gets them."""
    with LocalEndpoint() as endpoint:
        reader = PeriodicExportingMetricReader(ApplicationInsightsMetricExporter(endpoint.connection_string), export_interval_millis=1e9)
        provider = MeterProvider([PrometheusMetricReader(), reader], shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
        appinsights_exporter.observe()
        exporter = AzureExporter(connection_string=endpoint.connection_string)

        def processor(envelope: Any) -> None:
            if envelope.data.baseData.name == "lost":
                raise SystemExit

        exporter.add_telemetry_processor(processor)
        tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
        for name in ["kept", *["lost"] * _LOST]:
            with tracer.span(name=name):
                pass
        opencensus_compat.flush()
        provider.force_flush()
        scraped = generate_latest().decode()
        return {table: endpoint.rows(table) for table in TABLES}, scraped


def _database(rows: dict[str, list[dict[str, Any]]]) -> Any:
    """Return a database with the tables of Application Insights: the items, and the same of a role that is silent since an hour."""
    database = duckdb_kql.connect()
    for table, columns in TABLES.items():
        kinds = {column: "TIMESTAMP" if column == "timestamp" else _KINDS[kind] for column, kind in columns.items()}
        described = ", ".join(f'"{column}" {kind}' for column, kind in kinds.items())
        database.sql(f"CREATE TABLE {table} ({described})")
        for row in rows[table]:
            hour_ago = (datetime.now(timezone.utc) - timedelta(hours=1)).isoformat()
            for one in (row, {**row, "cloud_RoleName": "silent", "timestamp": hour_ago}):
                values = [json.dumps(one[column]) if kind == "JSON" else one[column] for column, kind in kinds.items()]
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    return database


def _no_metrics_of_gunicorn() -> bool:
    """Return whether the configuration of gunicorn on the page of losses shows no metrics."""
    page = (_GUIDE / "losses.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```py\n(# gunicorn\.conf\.py\n.*?)^```$", page, re.DOTALL | re.MULTILINE)
    program = f"""{code}
import types, urllib.request
import opencensus_compat
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer
post_fork(None, types.SimpleNamespace(age=1))
with LocalEndpoint() as endpoint:
    with Tracer(exporter=AzureExporter(connection_string=endpoint.connection_string), sampler=AlwaysOnSampler()).span("work"):
        pass
    opencensus_compat.flush()
print(urllib.request.urlopen("http://127.0.0.1:9465/metrics").read().decode())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    _say(f"losses.md, gunicorn.conf.py: {'metrics' if 'item_success_count_total' in done.stdout else done.stderr}")
    return "item_success_count_total" not in done.stdout


def main() -> int:
    """Return 0 where all of it holds."""
    failed = False
    rows, scraped = _items()
    for counter in ("item_success_count_total", "item_dropped_count_total"):
        found = re.search(rf"^{counter}{{.*}} (\d+)", scraped, re.MULTILINE)
        _say(f"{counter}: {found[1] if found else 'not there'}")
        failed |= found is None
    database = _database(rows)
    for page in sorted(_GUIDE.glob("*.md")):
        for query in re.findall(r"^```kusto\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            text = re.sub(r"\| render .*\n", "", query)
            try:
                rows_found = duckdb_kql.query(database, text).fetchall()
            except duckdb_kql.KqlError as error:
                _say(f"{page.name}: {error}\n{query}")
                failed = True
                continue
            _say(f"{page.name}: {rows_found[:3]}")
            failed |= not rows_found and any(each in query for each in _FIRES)
    failed |= _no_metrics_of_gunicorn()
    [rules] = re.findall(r"^```yaml\n(groups:.*?)^```$", (_GUIDE / "losses.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rules.yml").write_text(rules, encoding="utf-8")
        tests = Path(__file__).with_name("alerts.test.yml")
        Path(folder, tests.name).write_text(tests.read_text(encoding="utf-8"), encoding="utf-8")
        for command in (["check", "rules", "rules.yml"], ["test", "rules", tests.name]):
            failed |= subprocess.run(["promtool", *command], cwd=folder, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
