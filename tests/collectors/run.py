"""``make collectors``: a fleet of real Collectors between four unchanged programs and a receiver that counts.

    front ──► orders ──► stock ──► billing      HTTP, gRPC and headers written by hand: one trace
      agent one ┘          └ agent two          the guide's configurations, without the components that only contrib has
          gateway one ──x── gateway two         spans and records of agent one go to gateway one, its metrics to two; agent two crosswise
                 └── receiver ──┘

Three times: undisturbed; while each Collector in turn is ended by SIGTERM and started again; and with replies of the receiver that are
lost. What must hold, all of it printed: each span, record and point arrives, below its parent, in one trace; undisturbed, each tier
counts as many, and nothing comes twice; where replies are lost, what they were for comes twice, and nothing else.
``--orders``, ``--steps`` and ``--series`` change the size of it. Ends with 1 when something does not hold.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "mixed"))

import arrived
from collector import CORE, GUIDE, Collector, agent, components, free_ports, gateway
from otlp_receiver import OtlpReceiver

HERE = Path(__file__).parent
SIGNALS = {"spans": "/v1/traces", "log_records": "/v1/logs", "metric_points": "/v1/metrics"}
AGENTS = {"front": "agent one", "orders": "agent one", "stock": "agent two", "billing": "agent two"}
_AGAIN = re.compile(r"Transient error .* encountered while exporting (\w+) batch, retrying in")
_LIMIT_S = 900.0


class Program:
    """One of the services, started; a context manager that kills it."""

    def __init__(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, GUIDE / "send_to_collector.py", HERE / "programs" / f"{name}.py", *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with self._process:
            self._reader.join()

    def line(self) -> str:
        """Return the next line that it prints; empty when it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> tuple[Counter[str], list[str]]:
        """Let it end, and return how often it sent a batch of each signal again, and what else it wrote."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(_LIMIT_S)
        self._reader.join()
        again = Counter(match[1] for line in self._said if (match := _AGAIN.search(line)))
        other = [line for line in self._said if not _AGAIN.search(line)]
        return again, [*other, *([f"{self.name} ended with {code}"] if code else [])]

    def _read(self) -> None:
        assert self._process.stderr is not None
        self._said += [line.rstrip() for line in self._process.stderr]


@contextmanager
def collectors(binary: Path, url: str) -> Iterator[dict[str, Collector]]:
    """Run the two tiers, each Collector by its name; they send to a URL."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        ports = iter(free_ports(10))
        gateways = {name: {"grpc": next(ports), "counts": next(ports)} for name in ("gateway one", "gateway two")}
        agents = {name: {"grpc": next(ports), "http": next(ports), "counts": next(ports)} for name in ("agent one", "agent two")}
        addresses = [f"127.0.0.1:{each['grpc']}" for each in gateways.values()]
        made = {name: gateway(its, url) for name, its in gateways.items()}
        made["agent one"] = agent(agents["agent one"], *addresses)
        made["agent two"] = agent(agents["agent two"], *reversed(addresses))
        yield {name: stack.enter_context(Collector(binary, name, each, Path(folder))) for name, each in made.items()}


def fleet(
    binary: Path,
    work: arrived.Work,
    *,
    interval_s: float,
    ends: Mapping[int, str] = {},
    starts: Mapping[int, str] = {},
    lose_every: int = 0,
) -> list[str]:
    """Run the fleet, print what arrived, and return what does not hold.

    Args:
        binary: The Collector.
        work: How much the services do.
        interval_s: Seconds between two collections of metrics; the last one is at the end of each program.
        ends: The Collector that is ended after an order, by the order's number.
        starts: The one that is started again.
        lose_every: Of as many replies of the receiver, one is lost.
    """
    began_s = time.monotonic()
    problems: list[str] = []
    again: Counter[str] = Counter()
    with OtlpReceiver(lose_every) as receiver, collectors(binary, receiver.url) as tiers, ExitStack() as stack:

        def start(name: str, *arguments: str) -> Program:
            made = Program(name, list(arguments), environment(name, work, tiers[AGENTS[name]].http_url, interval_s))
            return stack.enter_context(made)

        billing = start("billing")
        stock = start("stock", billing.line())
        orders = start("orders", f"127.0.0.1:{stock.line()}")
        front = start("front", f"http://127.0.0.1:{orders.line()}", str(work.orders))
        for order in range(work.orders):
            front.line()
            if name := ends.get(order):
                # The one that was away before is reached again by now, or at last.
                for other in tiers.values():
                    other.wait_reaching()
                tiers[name].stop()
            if name := starts.get(order):
                tiers[name].start()
        for program in (front, orders, stock, billing):
            sent_again, others = program.end()
            again += sent_again
            problems += others
        counts = {}
        for name in sorted(tiers):  # agents first: they send what they hold to the gateways
            counts[name] = tiers[name].settled()
            tiers[name].stop()
        requests = {signal: list(receiver.requests[path]) for signal, path in SIGNALS.items()}
    spans, paths = arrived.spans(work, requests["spans"])
    tallies = {
        "spans": spans,
        "log_records": arrived.records(work, requests["log_records"], paths),
        "metric_points": arrived.points(work, requests["metric_points"]),
    }
    is_disturbed = bool(ends or lose_every)
    show(tallies, {} if is_disturbed else counts, again, time.monotonic() - began_s)
    for name, tally in tallies.items():
        problems += [f"{name}: {problem}" for problem in tally.problems]
        if tally.lost:
            problems.append(f"{name}: {tally.lost} lost")
        unanswered = sum(map(arrived.size, receiver.unanswered[SIGNALS[name]]))
        # A Collector that is ended with requests on their way may send them again.
        if tally.twice != unanswered and not ends:
            problems.append(f"{name}: {tally.twice} came twice, and {unanswered} in requests whose replies were lost")
        for tier in () if is_disturbed else ("agent", "gateway"):
            for counted in ("receiver_accepted", "exporter_sent"):
                total = sum(each[f"{counted} {name}"] for collector, each in counts.items() if collector.startswith(tier))
                if total != tally.once:
                    problems.append(f"{tier}s count {total} {name} as {counted}")
    return problems + [line for each in tiers.values() for line in each.complaints if not is_disturbed or "Dropping data" in line]


def environment(name: str, work: arrived.Work, agent_url: str, interval_s: float) -> dict[str, str]:
    """Return what a service is started with."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "APPLICATIONINSIGHTS_"))}
    return {
        **kept,
        "OPENCENSUS_COMPAT_SEND": "providers",
        "OTEL_SERVICE_NAME": name,
        "OTEL_EXPORTER_OTLP_ENDPOINT": agent_url,
        "OTEL_METRIC_EXPORT_INTERVAL": str(int(interval_s * 1000)),
        # A program's own queues and tries have to last as long as its agent is away.
        "OTEL_BSP_MAX_QUEUE_SIZE": "50000",
        "OTEL_BLRP_MAX_QUEUE_SIZE": "50000",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "60",
        "FLEET_STEPS": str(work.steps),
        "FLEET_SERIES": str(work.series),
        "GRPC_VERBOSITY": "NONE",
    }


def show(tallies: dict[str, arrived.Tally], counts: dict[str, Counter[str]], again: Counter[str], seconds: float) -> None:
    """Print a table of what was made, what each Collector counted, and what arrived."""

    def row(title: str, values: list[Any]) -> None:
        sys.stdout.write(f"{title:24}" + "".join(f"{value:>14,}" for value in values) + "\n")

    sys.stdout.write(f"{'':24}{'spans':>14}{'records':>14}{'points':>14}\n")
    row("made by the programs", [tally.expected for tally in tallies.values()])
    for name, each in counts.items():
        for counted, title in (("receiver_accepted", "took"), ("exporter_sent", "sent")):
            row(f"  {name} {title}", [each[f"{counted} {signal}"] for signal in tallies])
    row("arrived", [tally.once for tally in tallies.values()])
    row("lost", [tally.lost for tally in tallies.values()])
    row("came twice", [tally.twice for tally in tallies.values()])
    row("batches sent again", [again[signal] for signal in ("spans", "logs", "metrics")])
    sys.stdout.write(f"{seconds:.0f} s\n\n")


def main() -> int:
    """Run the fleet both ways, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path, help="the Collector, as build.py makes it")
    parser.add_argument("--orders", type=int, default=250, help="how many orders the services take; default %(default)s")
    parser.add_argument("--steps", type=int, default=100, help="spans and records of each service for each; default %(default)s")
    parser.add_argument("--series", type=int, default=25_000, help="series of each service; default %(default)s")
    asked = parser.parse_args()
    if {section: names for section, names in components(asked.binary).items() if names} != CORE:
        parser.error(f"{asked.binary} has other components than build.py's")
    work = arrived.Work(asked.orders, asked.steps, asked.series)
    sys.stdout.write("undisturbed, metrics once at the end\n")
    problems = fleet(asked.binary, work, interval_s=3600)
    # One at a time: what a Collector without a queue on disk holds while nobody takes it, is gone when it ends.
    names = ["agent one", "gateway one", "agent two", "gateway two"]
    part = asked.orders // len(names)
    ends = {part * number + part // 4: name for number, name in enumerate(names)}
    starts = {order + part // 4: name for order, name in ends.items()}
    sys.stdout.write(f"ended by SIGTERM, and started again {part // 4} orders later: {', '.join(names)}; metrics each half second\n")
    fewer = arrived.Work(asked.orders, asked.steps, min(asked.series, 500))
    problems += fleet(asked.binary, fewer, interval_s=0.5, ends=ends, starts=starts)
    sys.stdout.write("each tenth reply of the receiver is lost\n")
    problems += fleet(asked.binary, arrived.Work(asked.orders // 10, asked.steps, min(asked.series, 100)), interval_s=0.5, lose_every=10)
    for problem in problems:
        sys.stdout.write(f"DOES NOT HOLD: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
