"""What `make collectors` stands on: what is said where a Collector cannot be built, how it is configured, and how what arrives is counted."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

sys.path.insert(0, str(Path(__file__).parent))
import arrived
import build
import collector

PAGE = collector.GUIDE.parent / "collector.md"
MIRROR = "http://debian.example"
PORTS = {"grpc": 1, "http": 2, "counts": 3}
WORK = arrived.Work(orders=2, steps=3, series=2)


def executable(folder, name, text):
    """Write a shell script in place of a program."""
    path = folder / name
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def build_in(tmp_path, *, is_root=True):
    """Build with the programs of a folder."""
    build.build(tmp_path / "made" / "otelcol", MIRROR, path=str(tmp_path), is_root=is_root)


def test_without_debootstrap(tmp_path):
    """Where debootstrap is not installed, the message names the package."""
    with pytest.raises(build.BuildError, match=r"by debootstrap, which is not installed: apt-get install debootstrap"):
        build_in(tmp_path)


def test_without_root(tmp_path):
    """Where another user than root builds, the message says who can, and nothing is left."""
    executable(tmp_path, "debootstrap", "exit 0")
    executable(tmp_path, "chroot", "exit 0")
    with pytest.raises(build.BuildError, match=r"only root can make: run make collectors as root"):
        build_in(tmp_path, is_root=False)
    assert not (tmp_path / "made").exists()


def test_a_build(tmp_path):
    """The program that the compiler leaves in the folder is all that stays of it."""
    executable(tmp_path, "debootstrap", 'mkdir "$4/opt"; echo "$@" > "$4/opt/asked"')
    executable(tmp_path, "chroot", '[ -f "$1/opt/collector/main.go" ] && [ "$GO111MODULE" = off ] && mv "$1/opt/asked" "$1/opt/otelcol"')
    build_in(tmp_path)
    [made] = (tmp_path / "made").iterdir()
    assert re.fullmatch(rf"--variant=minbase --include=\S+ forky {re.escape(str(made.parent))}/debian-\S+ {MIRROR} sid\n", made.read_text())


def test_a_build_that_fails(tmp_path):
    """The message has the command and the end of what it said, and nothing is left."""
    executable(tmp_path, "debootstrap", "seq 50; echo E: no such mirror; exit 3")
    executable(tmp_path, "chroot", "exit 0")
    with pytest.raises(build.BuildError, match=r"(?s)debootstrap --variant=minbase .* ended with 3:\n37\n.*\n50\nE: no such mirror$"):
        build_in(tmp_path)
    assert list((tmp_path / "made").iterdir()) == []


@pytest.mark.parametrize("tier", ["agent", "gateway"])
def test_components_are_run_or_only_named(tier):
    """Each component of the guide's configurations is core, which is run, or contrib's, which the guide says is not."""
    for section, configured in collector.guide(tier).items():
        if section != "service":
            names = {name.partition("/")[0] for name in configured}
            assert names <= collector.CORE.get(section, set()) | collector.CONTRIB.get(section, set())


def test_the_page_says_which_is_which():
    """The guide lists the components that were run, and those that were not."""
    run, not_run = re.search(r"\| run \|(.*)\|\n\| not run[^|]*\|(.*)\|\n", PAGE.read_text(encoding="utf-8")).groups()
    assert set(re.findall(r"`(\w+)`", run)) == set.union(*collector.CORE.values()) - {"debug"}
    assert set(re.findall(r"`(\w+)`", not_run)) == set.union(*collector.CONTRIB.values())


def test_the_agent_that_is_run():
    """It is the guide's but for what is contrib's: the exporter of spans and records has the settings of the one that balances."""
    guide, configuration = collector.guide("agent"), collector.agent(PORTS, "one:1", "two:2")
    sender = configuration["exporters"]["otlp/loadbalancing"]
    balancing = guide["exporters"]["loadbalancing"]
    assert (sender["endpoint"], sender["retry_on_failure"]) == ("one:1", balancing["retry_on_failure"])
    assert sender["sending_queue"] == {key: value for key, value in balancing["sending_queue"].items() if key != "storage"}
    assert (configuration["exporters"]["otlp"]["endpoint"], configuration["processors"]) == ("two:2", guide["processors"])
    exporters = {signal: pipeline["exporters"] for signal, pipeline in configuration["service"]["pipelines"].items()}
    assert exporters == {"traces": ["otlp/loadbalancing"], "logs": ["otlp/loadbalancing"], "metrics": ["otlp"]}
    assert configuration["receivers"]["otlp"]["protocols"] == {"grpc": {"endpoint": "127.0.0.1:1"}, "http": {"endpoint": "127.0.0.1:2"}}
    assert "extensions" not in configuration


def test_the_gateway_that_is_run():
    """It is the guide's but for what is contrib's: it keeps every trace, and sends by OTLP."""
    configuration = collector.gateway(PORTS, "http://receiver")
    assert list(configuration["exporters"]) == ["otlphttp"]
    pipelines = configuration["service"]["pipelines"].values()
    assert [(each["processors"], each["exporters"]) for each in pipelines] == [(["memory_limiter", "batch"], ["otlphttp"])] * 3


def test_counts_of_a_collector():
    """Counts of all exporters and transports of a signal are added up."""
    page = """
# TYPE otelcol_exporter_sent_spans_total counter
otelcol_exporter_sent_spans_total{exporter="otlp",otel_scope_version=""} 7
otelcol_exporter_sent_spans_total{exporter="otlphttp",otel_scope_version=""} 1e+06
otelcol_receiver_accepted_metric_points_total{receiver="otlp",transport="http"} 3
otelcol_exporter_queue_size{data_type="logs",exporter="otlp"} 2
otelcol_exporter_queue_capacity{data_type="logs",exporter="otlp"} 1000
"""
    assert dict(collector.counted(page)) == {
        "exporter_sent spans": 1_000_007,
        "receiver_accepted metric_points": 3,
        'exporter_queue_size data_type="logs",exporter="otlp"': 2,
    }


@pytest.fixture
def traces():
    """What arrives when each span does, one in a request, and the ids by path."""
    ids = {path: number.to_bytes(8, "big") for number, path in enumerate(arrived.expected_spans(WORK), 1)}
    requests = []
    for path, span_id in ids.items():
        span = {"trace_id": b"t", "span_id": span_id, "parent_span_id": ids.get(path[:-1], b""), "name": path[-1].replace("PORT", "8080")}
        requests.append(ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": [span]}]}]))
    return requests, ids


def a_record(body, span_id):
    """Return a request with one record."""
    return ExportLogsServiceRequest(
        resource_logs=[{"scope_logs": [{"log_records": [{"body": {"string_value": body}, "span_id": span_id}]}]}]
    )


def a_collection(number, steps, at):
    """Return a request with one collection of each service: its number, and its steps by view, in one series of each."""
    metrics = []
    for service in arrived.SERVICES:
        metrics.append({"name": f"{service}_collections", "gauge": {"data_points": [{"time_unix_nano": at, "as_int": number}]}})
        for shelf, value in steps.items():
            point = {"time_unix_nano": at, "as_int": value, "attributes": [{"key": "bin", "value": {"string_value": "7"}}]}
            metrics.append({"name": f"{service}_steps_{shelf}", "sum": {"data_points": [point]}})
    return ExportMetricsServiceRequest(resource_metrics=[{"scope_metrics": [{"metrics": metrics}]}])


def test_all_spans_and_records(traces):
    """Whatever their order, they are counted once each: nothing is lost, twice or in the wrong place."""
    requests, ids = traces
    spans, paths = arrived.spans(WORK, reversed(requests))
    assert spans == arrived.Tally(expected=1 + 2 * (4 * (1 + 3) + 3), once=39)
    logs = [a_record(body, ids[path]) for path, body in arrived.expected_records(WORK)]
    assert arrived.records(WORK, logs, paths) == arrived.Tally(expected=2 * 4 * (1 + 3), once=32)


def test_spans_twice_and_lost(traces):
    """A request that comes twice and one that does not come are counted; what is below a lost span is in the wrong place."""
    requests, ids = traces
    below = sum(path[:2] == ("front", "front 1") for path in ids) - 1
    lost = requests.pop(list(ids).index(("front", "front 1")))
    spans, _ = arrived.spans(WORK, [*requests, requests[0]])
    assert lost.resource_spans[0].scope_spans[0].spans[0].name == "front 1"
    assert (spans.once, spans.twice, spans.lost) == (38, 1, 1 + below)
    assert len(spans.problems) == 1
    assert spans.problems[0].startswith(f"{below} that nobody made, as ('…', ")


def test_two_traces(traces):
    """A span of another trace is a problem, although its parent is right."""
    requests, _ = traces
    requests[-1].resource_spans[0].scope_spans[0].spans[0].trace_id = b"other"
    assert arrived.spans(WORK, requests)[0].problems == ["2 traces"]


def test_a_record_in_another_span(traces):
    """A record that names another span than its own is one that nobody made, and its own is lost; a second one is counted."""
    requests, ids = traces
    _, paths = arrived.spans(WORK, requests)
    logs = [a_record(body, ids[path]) for path, body in arrived.expected_records(WORK)]
    tally = arrived.records(WORK, [*logs[1:], logs[1], a_record("front 0", ids["front",])], paths)
    assert (tally.once, tally.twice, tally.lost) == (32, 1, 1)
    assert tally.problems == ["1 that nobody made, as (('front',), 'front 0')"]


def test_points():
    """The collections of each service are counted by their numbers, and each has all series."""
    early, late = a_collection(1, {"0": 1}, at=10), a_collection(2, {"0": 3, "1": 3}, at=20)
    assert arrived.points(WORK, [late, early]) == arrived.Tally(expected=20, once=20)
    assert arrived.points(WORK, [early, late, late]) == arrived.Tally(expected=20, once=20, twice=12)


def test_points_lost():
    """A collection that is missing before the last, or a series of one, is lost; without the last, the steps are too few."""
    collections = [a_collection(1, {"0": 1}, at=10), a_collection(2, {"0": 2, "1": 1}, at=20), a_collection(3, {"0": 3, "1": 3}, at=30)]
    assert arrived.points(WORK, [collections[0], collections[2]]).lost == 4 * 3
    partial = a_collection(2, {"0": 2}, at=20)
    assert arrived.points(WORK, [collections[1], a_collection(3, {"0": 6}, at=30)]).lost == 4 * (1 + 1 + 1)
    assert arrived.points(WORK, [collections[0], partial]).problems == [
        f"{service} ends with 2 of 6 steps in 1 series" for service in arrived.SERVICES
    ]
