"""A Collector's process, the guide's configurations as core components can run them, and what a Collector says that it counted."""

from __future__ import annotations

import contextlib
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

GUIDE = Path(__file__).parents[2] / "migration_guide" / "collector"
CONTRIB = {
    "extensions": {"file_storage", "health_check"},
    "processors": {"attributes", "tail_sampling"},
    "exporters": {"azuremonitor", "loadbalancing"},
}
"""The components of the guide's configurations that are not core: their settings are checked by name, and nothing of them is run."""
CORE = {"receivers": {"otlp"}, "processors": {"batch", "memory_limiter"}, "exporters": {"debug", "otlp", "otlphttp"}}
"""The components of the Collector that is built."""
READY = "Everything is ready. Begin running and processing data."
_END_S, _SETTLED_S = 120.0, 60.0
_COUNT = re.compile(r"otelcol_(receiver_accepted|exporter_sent)_(spans|log_records|metric_points)_total\{.*\} (\S+)")
_QUEUE = re.compile(r"otelcol_(exporter_queue_size)\{(.*)\} (\S+)")


class CollectorError(Exception):
    """A Collector that does not start, or that ends as it should not."""


def components(binary: Path) -> dict[str, set[str]]:
    """Return the names of the components that a Collector has, by section of its configuration."""
    said = subprocess.run([binary, "components"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {section: {each["name"] for each in listed or ()} for section, listed in yaml.safe_load(said).items() if section != "buildinfo"}


def guide(tier: str) -> dict[str, Any]:
    """Return the guide's configuration of a tier, ``agent`` or ``gateway``."""
    configuration: dict[str, Any] = yaml.safe_load((GUIDE / f"{tier}.yaml").read_text(encoding="utf-8"))
    return configuration


def agent(ports: dict[str, int], traces_to: str, metrics_to: str) -> dict[str, Any]:
    """Return the guide's agent without what is contrib's: all traces go to one gateway, and its queues are in memory.

    Args:
        ports: Where it listens: ``grpc``, ``http`` and ``counts``.
        traces_to: Address and port of the gateway that gets spans and records.
        metrics_to: The same for metrics.
    """
    configuration = guide("agent")
    exporters = configuration["exporters"]
    balancing = exporters.pop("loadbalancing")
    exporters["otlp/loadbalancing"] = {
        **balancing["protocol"]["otlp"],
        **{key: balancing[key] for key in ("timeout", "retry_on_failure", "sending_queue")},
        "endpoint": traces_to,
    }
    exporters["otlp"]["endpoint"] = metrics_to
    return _core(configuration, ports, {"loadbalancing": "otlp/loadbalancing"})


def gateway(ports: dict[str, int], to: str) -> dict[str, Any]:
    """Return the guide's gateway without what is contrib's: it keeps every trace, and sends to a URL by OTLP; its queue is in memory."""
    configuration = guide("gateway")
    exporters = configuration["exporters"]
    exporters["otlphttp"] = {"endpoint": to, "sending_queue": exporters.pop("azuremonitor")["sending_queue"]}
    return _core(configuration, ports, {"azuremonitor": "otlphttp"})


def _core(configuration: dict[str, Any], ports: dict[str, int], renamed: dict[str, str]) -> dict[str, Any]:
    del configuration["extensions"], configuration["service"]["extensions"]
    for protocol, settings in configuration["receivers"]["otlp"]["protocols"].items():
        settings["endpoint"] = f"127.0.0.1:{ports[protocol]}"
    for exporter in configuration["exporters"].values():
        del exporter["sending_queue"]["storage"]
    left_out = [name for name in configuration["processors"] if name.partition("/")[0] in CONTRIB["processors"]]
    for name in left_out:
        del configuration["processors"][name]
    for pipeline in configuration["service"]["pipelines"].values():
        pipeline["processors"] = [name for name in pipeline["processors"] if name not in left_out]
        pipeline["exporters"] = [renamed.get(name, name) for name in pipeline["exporters"]]
    counts = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": ports["counts"]}}}}
    configuration["service"]["telemetry"] = {"metrics": {"readers": [counts]}, "logs": {"encoding": "console"}}
    return configuration


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, and that no connection is given meanwhile: a Collector that starts again needs its own."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(first // 2, first)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


class Collector:
    """A Collector that can be ended and started again; a context manager that ends it.

    Args:
        binary: The program.
        name: Its name, for messages.
        configuration: Its configuration.
        folder: Where that is written.
    """

    def __init__(self, binary: Path, name: str, configuration: dict[str, Any], folder: Path) -> None:
        self.name = name
        self.lines: list[str] = []
        """What it said in all of its lives."""
        self._binary = binary
        self._file = folder / f"{name}.yaml"
        self._file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        [reader] = configuration["service"]["telemetry"]["metrics"]["readers"]
        self._counts_url = f"http://127.0.0.1:{reader['pull']['exporter']['prometheus']['port']}/metrics"
        http = configuration["receivers"]["otlp"]["protocols"].get("http", {"endpoint": ""})
        self.http_url = f"http://{http['endpoint']}"
        """Where programs send to, if it takes OTLP by HTTP."""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Collector:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._ended()

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        self._process = subprocess.Popen([self._binary, "--config", self._file], stderr=subprocess.PIPE, text=True)
        self._is_ready = False
        told = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process, told))
        self._reader.start()
        told.wait()
        if not self._is_ready:
            self._ended()
            raise CollectorError(f"{self.name} does not start: {' '.join(self.lines[-3:])}")

    def stop(self) -> None:
        """End it as a service manager does, and return when it has sent what it held."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(_END_S)
        self._ended()
        if code:
            raise CollectorError(f"{self.name} ended with {code}: {' '.join(self.lines[-3:])}")

    def counts(self) -> Counter[str]:
        """Return what it says that it took and sent since it started, as ``receiver_accepted spans`` and so on."""
        with urllib.request.urlopen(self._counts_url, timeout=_END_S) as reply:
            return counted(reply.read().decode())

    def settled(self) -> Counter[str]:
        """Return its counts once it has sent all that it took; what fails to be sent is not waited for longer than a while."""
        return self._when(lambda counts: _sum(counts, "receiver_accepted") == _sum(counts, "exporter_sent"))

    def wait_reaching(self) -> None:
        """Return once no batch waits in its queues, as after an outage of where it sends to."""
        self._when(lambda counts: not _sum(counts, "exporter_queue_size"))

    def _when(self, holds: Callable[[Counter[str]], bool]) -> Counter[str]:
        deadline_s = time.monotonic() + _SETTLED_S
        while True:
            counts = self.counts()
            if holds(counts) or time.monotonic() > deadline_s:
                return counts
            # It has no event to wait for.
            time.sleep(0.05)

    @property
    def complaints(self) -> list[str]:
        """The lines that are warnings or errors."""
        return [line for line in self.lines if re.search(r"\t(warn|error)\t", line)]

    def _read(self, process: subprocess.Popen[str], told: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.lines.append(line.rstrip())
            if READY in line:
                self._is_ready = True
                told.set()
        told.set()

    def _ended(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.wait()
        self._reader.join()
        self._process.stderr.close()
        self._process = None


def counted(page: str) -> Counter[str]:
    """Return the counts of a Collector's own metrics, in Prometheus's format, as ``exporter_sent spans`` and so on, and what its queues hold."""
    found: Counter[str] = Counter()
    for line in page.splitlines():
        if match := _COUNT.fullmatch(line) or _QUEUE.fullmatch(line):
            found[f"{match[1]} {match[2]}"] += int(float(match[3]))
    return found


def _sum(counts: Counter[str], kind: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(kind))
