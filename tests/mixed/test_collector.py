"""Growing past one machine: unchanged programs by OTLP, and the collectors' configuration."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from opentelemetry.metrics import Meter
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from opencensus_compat import __version__
from opencensus_compat.local import LocalEndpoint

sys.path.insert(0, str(Path(__file__).parent))
from otlp_receiver import OtlpReceiver, values

GUIDE = Path(__file__).parents[2] / "migration_guide" / "collector"
PROGRAM = Path(__file__).parent / "programs" / "shop.py"
OLD = "explicit_bucket_boundaries_advisory" not in inspect.signature(Meter.create_histogram).parameters
"""Whether this is a release whose instruments take no boundaries, and whose OTLP exporter fails on exemplars that belong to no span."""
TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module", params=["direct", "providers"])
def received(tmp_path_factory, request):
    """What the program sent: by OTLP, and to its Application Insights resource as ever, or only the former, and then without naming one."""
    temporary = tmp_path_factory.mktemp("temporary")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "APPLICATIONINSIGHTS_"))}
    with OtlpReceiver() as receiver, LocalEndpoint() as endpoint:
        send = {
            "direct": {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string},
            "providers": {"OPENCENSUS_COMPAT_SEND": "providers"},
        }[request.param]
        done = subprocess.run(
            # The OTLP exporters leave their connections to the end of the interpreter.
            [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", GUIDE / "send_to_collector.py", PROGRAM],
            env={
                **kept,
                **send,
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
                "OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,deployment.environment=test",
                "TMPDIR": str(temporary),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "" or OLD
        endpoint.wait_idle()
        receiver.send = request.param
        receiver.direct = {
            table: len(endpoint.rows(table)) for table in ("requests", "dependencies", "traces", "exceptions", "customEvents")
        }
    return receiver


def test_resource_and_scope(received):
    """All three signals carry the program's resource, and the scope that names this package."""
    found = [(resource, scope) for _, resource, scope in (*received.spans.values(), *received.records, *received.metrics.values())]
    assert len(found) == 3 + 3 + (0 if OLD else 4)
    assert {(scope.name, scope.version) for _, scope in found} == {("opencensus_compat", __version__)}
    for resource, _ in found:
        attributes = values(resource.attributes)
        assert (attributes["service.name"], attributes["deployment.environment"]) == ("shop", "test")


def test_ids_parents_kinds(received):
    """The spans are one trace below the caller's span, with the kinds that the program set after their start."""
    spans = {name: span for name, (span, _, _) in received.spans.items()}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE_ID}
    request = spans["POST /orders"]
    assert {name: span.parent_span_id.hex() for name, span in spans.items()} == {
        "POST /orders": CALLER,
        "pack": request.span_id.hex(),
        "/charge": request.span_id.hex(),
    }
    assert {name: span.kind for name, span in spans.items()} == {
        "POST /orders": Span.SPAN_KIND_SERVER,
        "pack": Span.SPAN_KIND_INTERNAL,
        "/charge": Span.SPAN_KIND_CLIENT,
    }
    assert all(request.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano for span in spans.values())


def test_attributes_status_events_links(received):
    """Attributes keep their types; annotations, messages and links are there; internal attributes are the documented ones."""
    spans = {name: span for name, (span, _, _) in received.spans.items()}
    call = spans["/charge"]
    assert {name: values(span.attributes) for name, span in spans.items()} == {
        "POST /orders": {"http.method": "POST", "http.status_code": 200},
        "pack": {"items": 3},
        "/charge": {"census.status_code": 5},
    }
    assert (call.status.code, call.status.message) == (Status.STATUS_CODE_ERROR, "no such card")
    assert [(event.name, values(event.attributes)) for event in spans["pack"].events] == [
        ("label printed", {"printer": "P7", "census.event": "annotation"})
    ]
    assert [(event.name, event.time_unix_nano, values(event.attributes)) for event in call.events] == [
        (
            "message",
            1_580_466_030_000_000_000,
            {
                "message.type": "SENT",
                "message.id": 1,
                "message.uncompressed_size": 100,
                "message.compressed_size": 100,
                "census.event": "message",
            },
        )
    ]
    assert [(one.trace_id.hex(), one.span_id.hex(), values(one.attributes)) for one in call.links] == [
        ("6e0c63257de34c92bf9efcd03927272e", "53995c3f42cd8ad8", {"census.link.type": 2})
    ]


def test_records(received):
    """Log records, the event and the exception belong to the span they were made in, with severity and attributes."""
    pack = received.spans["pack"][0]
    records = [record for record, _, _ in received.records]
    assert {(record.trace_id.hex(), record.span_id.hex()) for record in records} == {(TRACE_ID, pack.span_id.hex())}
    told = [(record.body.string_value.splitlines()[0], record.severity_number, record.severity_text) for record in records]
    assert told == [("only 2 left", 13, "WARNING"), ("bought", 9, "INFO"), ("no label", 17, "ERROR")]
    message, event, exception = (values(record.attributes) for record in records)
    assert (message["sku"], event["sku"], event["microsoft.custom_event.name"]) == ("kettle", "kettle", "bought")
    assert (exception["exception.type"], exception["exception.message"]) == ("ZeroDivisionError", "division by zero")
    assert exception["exception.stacktrace"].splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert message["code.file.path"] == str(PROGRAM)


@pytest.mark.skipif(OLD, reason="the OTLP exporter of this release cannot send them")
def test_metrics(received):
    """Each view is an instrument of its kind, cumulative, with its tags."""
    points = {}
    for name, (metric, _, _) in received.metrics.items():
        kind = metric.WhichOneof("data")
        data = getattr(metric, kind)
        [point] = data.data_points
        assert values(point.attributes) == {"tier": "gold"}
        assert kind == "gauge" or data.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        if kind == "histogram":
            points[name] = (kind, point.count, point.sum, list(point.explicit_bounds), list(point.bucket_counts))
        else:
            points[name] = (kind, getattr(point, point.WhichOneof("value")))
    assert points == {
        "orders_counted": ("sum", 3),
        "orders_summed": ("sum", 12),
        "orders_last": ("gauge", 8),
        "orders_sized": ("histogram", 3, 12.0, [2.0, 5.0], [1, 1, 1]),
    }


def test_internal_attributes(received):
    """What begins with `census.` is one of those that the guide lists."""
    spans = [span for span, _, _ in received.spans.values()]
    holders = [*spans, *(event for span in spans for event in span.events), *(one for span in spans for one in span.links)]
    holders += [record for record, _, _ in received.records]
    found = {pair.key for holder in holders for pair in holder.attributes if pair.key.startswith(("census.", "_MS."))}
    listed = set(re.findall(r"`((?:census|_MS)\.[a-zA-Z_.]+)`", (GUIDE.parent / "collector.md").read_text(encoding="utf-8")))
    assert found <= listed


def test_the_direct_way(received):
    """The program's own handles go on sending to their resource, once, unless the program was told to leave that."""
    once = {"requests": 1, "dependencies": 2, "traces": 1, "exceptions": 1, "customEvents": 1}
    assert received.direct == (once if received.send == "direct" else dict.fromkeys(once, 0))


def test_modules_beside_the_program(tmp_path):
    """The starter finds them, as `python app.py` does, from any folder."""
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / "prices.py").write_text("KETTLE = 7\n", encoding="utf-8")
    (folder / "app.py").write_text("import sys, prices\nprint(prices.KETTLE, sys.argv[1:])\n", encoding="utf-8")
    command = [sys.executable, GUIDE / "send_to_collector.py", "service/app.py", "now"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "7 ['now']\n"), done.stderr


# The settings that each component documents, below its name; see the README.md and config.schema.yaml of each in
# https://github.com/open-telemetry/opentelemetry-collector and …-contrib.
QUEUE = {"enabled", "num_consumers", "wait_for_result", "block_on_overflow", "sizer", "queue_size", "batch", "storage"}
RETRY = {"enabled", "initial_interval", "randomization_factor", "multiplier", "max_interval", "max_elapsed_time"}
TLS = {"insecure", "insecure_skip_verify", "ca_file", "cert_file", "key_file", "server_name_override"}
OTLP = {
    "endpoint": None,
    "timeout": None,
    "compression": None,
    "headers": None,
    "tls": TLS,
    "sending_queue": QUEUE,
    "retry_on_failure": RETRY,
}
SETTINGS = {
    "extensions": {
        "health_check": {"endpoint"},
        "file_storage": {
            "directory": None,
            "create_directory": None,
            "directory_permissions": None,
            "timeout": None,
            "fsync": None,
            "compaction": {
                "on_start",
                "on_rebound",
                "directory",
                "max_transaction_size",
                "cleanup_on_start",
                "rebound_needed_threshold_mib",
                "rebound_trigger_threshold_mib",
                "check_interval",
            },
        },
    },
    "receivers": {"otlp": {"protocols": {"grpc": {"endpoint"}, "http": {"endpoint"}}}},
    "processors": {
        "memory_limiter": {"check_interval", "limit_mib", "spike_limit_mib", "limit_percentage", "spike_limit_percentage"},
        "batch": {"send_batch_size", "send_batch_max_size", "timeout"},
        "attributes": {"actions": {"key", "pattern", "action", "value"}},
        "tail_sampling": {
            "decision_wait": None,
            "num_traces": None,
            "expected_new_traces_per_sec": None,
            "decision_cache": {"sampled_cache_size", "non_sampled_cache_size"},
            "policies": {
                "name": None,
                "type": None,
                "status_code": {"status_codes"},
                "numeric_attribute": {"key", "min_value", "max_value"},
                "latency": {"threshold_ms", "upper_threshold_ms"},
                "probabilistic": {"sampling_percentage"},
            },
        },
    },
    "exporters": {
        "otlp": OTLP,
        "loadbalancing": {
            "routing_key": None,
            "resolver": {"dns": {"hostname", "port", "interval", "timeout"}, "static": {"hostnames"}},
            "protocol": {"otlp": {key: value for key, value in OTLP.items() if key != "endpoint"}},
            "timeout": None,
            "retry_on_failure": RETRY,
            "sending_queue": QUEUE,
        },
        "azuremonitor": {
            "connection_string": None,
            "maxbatchsize": None,
            "maxbatchinterval": None,
            "spaneventsenabled": None,
            "shutdown_timeout": None,
            "sending_queue": QUEUE,
        },
    },
}


def _unknown(configured, known, path):
    """Return the settings that are not documented, by path."""
    if isinstance(configured, list):
        return [found for item in configured for found in _unknown(item, known, path)]
    if not isinstance(configured, dict):
        return []
    found = []
    for key, value in configured.items():
        if key not in known:
            found.append(f"{path}.{key}")
        elif isinstance(known, dict) and known[key] is not None:
            found += _unknown(value, known[key], f"{path}.{key}")
    return found


@pytest.fixture(params=["agent.yaml", "gateway.yaml"])
def configuration(request):
    """The configuration of a tier."""
    return yaml.safe_load((GUIDE / request.param).read_text(encoding="utf-8"))


def test_settings_are_documented_ones(configuration):
    """Every setting is one that its component documents."""
    unknown = []
    for section, known in SETTINGS.items():
        for name, configured in configuration[section].items():
            unknown += _unknown(configured, known[name.partition("/")[0]], f"{section}.{name}")
    assert unknown == []
    assert set(configuration) == {*SETTINGS, "service"}


def test_pipelines_use_what_is_configured(configuration):
    """Each pipeline names configured components, nothing is configured in vain, and the memory limiter comes first."""
    service = configuration["service"]
    assert set(service["extensions"]) == set(configuration["extensions"])
    assert set(service["pipelines"]) == {"traces", "logs", "metrics"}
    for section in ("receivers", "processors", "exporters"):
        used = {name for pipeline in service["pipelines"].values() for name in pipeline[section]}
        assert used == set(configuration[section])
    for pipeline in service["pipelines"].values():
        assert (pipeline["processors"][0], pipeline["processors"][-1]) == ("memory_limiter", "batch")


def test_queues_are_on_disk(configuration):
    """Each exporter that sends off the machine has its queue in a configured storage, and none of it waits in memory."""
    for name, exporter in configuration["exporters"].items():
        queue = exporter["sending_queue"]
        assert (name, queue["enabled"], queue["storage"] in configuration["extensions"]) == (name, True, True)
    balancing = configuration["exporters"].get("loadbalancing")
    if balancing is not None:
        assert (balancing["routing_key"], balancing["protocol"]["otlp"]["sending_queue"]) == ("traceID", {"enabled": False})


def test_memory_limits_leave_room(configuration):
    """The spike limit is a fifth of the limit, as its documentation advises."""
    limiter = configuration["processors"]["memory_limiter"]
    assert limiter["spike_limit_mib"] * 5 == limiter["limit_mib"]
