"""The questions of the pages, answered as JSON from a store.

``state``; ``numbers?<filter>&after=``, ``items?numbers=1,2,3`` and ``item/<number>`` for lists; ``operations?before=&failed=`` and
``transaction/<operation id>``; ``metrics`` and ``metric?table=&name=&namespace=&by=&grain=``; ``map``; ``problems?before=``;
``comparison``, ``changes``, ``counterpart/<number>`` and, the only one that changes something, ``POST accept``, where there is a
comparison; ``events``, a stream.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, unquote

from opencensus_compat import __version__

from .. import kql, queries, transaction
from ..application_map import Figures, Map, application_map
from ..charts import chart, metrics
from ..exchange import Answer
from ..filters import from_query
from ..tables import arrival_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..bodies import JsonObject
    from ..store import Store

logger = logging.getLogger(__name__)

MOST_ITEMS = 500
"""Items of one answer to ``items``."""

_BATCH_S = 0.25
"""Shortest time between two messages about changes."""
_HEARTBEAT_S = 15.0
"""Longest time without a message on a stream, so that both sides notice when the other has gone."""


class Comparison(Protocol):
    """Two recordings, one beside the other."""

    def as_json(self) -> JsonObject:
        """Return what differs."""

    def changes(self) -> JsonObject:
        """Return which items of the recording differ from their counterparts, or have none."""

    def counterpart(self, number: int) -> JsonObject | None:
        """Return the item of the other recording that an item is."""

    def accept(self, entry: JsonObject) -> None:
        """Accept a difference, with a reason.

        Raises:
            ValueError: The entry cannot be accepted; the message says why.
        """


@dataclass(frozen=True, slots=True)
class About:
    """What the pages say of the recording as a whole."""

    title: str
    """For example the name of its file."""
    connection_string: str | None
    """Where to send; None for a finished recording."""


class Pages:
    """Answers the questions of the pages of one store."""

    def __init__(self, store: Store, about: Callable[[], About], comparison: Comparison | None = None) -> None:
        self._store = store
        self._about = about
        self._comparison = comparison
        self._newest_map: tuple[int, Map] | None = None
        self._looks: dict[str, Callable[[str, dict[str, list[str]]], JsonObject | None]] = {
            "state": self._state,
            "numbers": self._numbers,
            "items": self._items,
            "item": self._item,
            "operations": self._operations,
            "transaction": self._transaction,
            "metrics": self._metrics,
            "metric": self._metric,
            "map": self._map,
            "problems": self._problems,
            "comparison": self._compared,
            "changes": self._changes,
            "counterpart": self._counterpart,
        }

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """Answer a request.

        Args:
            method: GET, or POST for ``accept``.
            target: What follows ``/_api/``, query included.
            body: JSON, of a POST.
        """
        path, _, query = target.partition("?")
        name, _, rest = path.partition("/")
        try:
            if method == "POST":
                return self._change(name, body)
            return self._look(name, unquote(rest), parse_qs(query, keep_blank_values=True))
        except (KeyError, ValueError) as error:
            return _answer({"error": str(error.args[0]) if error.args else str(error)}, 400)
        except Exception as error:
            # A page that gets no answer cannot say why.
            logger.debug("question %s", target, exc_info=True)
            return _answer({"error": f"{type(error).__name__}: {error}"}, 500)

    def events(self, wait: Callable[[float], bool]) -> Iterator[bytes]:
        """Yield server-sent events: what there is now, then what there is after each change, then a heartbeat while nothing changes.

        Args:
            wait: Waits this many seconds; True ends the stream.
        """
        told: JsonObject | None = None
        silent_s = 0.0
        while True:
            now = self._changing()
            if now != told:
                told, silent_s = now, 0.0
                yield b"data: " + json.dumps(now).encode() + b"\n\n"
            elif silent_s >= _HEARTBEAT_S:
                silent_s = 0.0
                yield b":\n\n"
            if wait(_BATCH_S):
                return
            silent_s += _BATCH_S

    def _changing(self) -> JsonObject:
        refused, warned = self._store.findings()
        last = self._store.last_number()
        return {"last": last, "cleared": self._store.cleared, "tables": self._store.counts(), "refused": refused, "warnings": warned}

    def _look(self, name: str, rest: str, query: dict[str, list[str]]) -> Answer:
        look = self._looks.get(name)
        if look is None:
            return _answer({"error": f"no such question: {name}"}, 404)
        found = look(rest, query)
        return _answer(found) if found is not None else _answer({"error": f"nothing is here: {name}/{rest}"}, 404)

    def _change(self, name: str, body: bytes) -> Answer:
        if name != "accept" or self._comparison is None:
            return _answer({"error": f"nothing here can be changed by {name}"}, 404)
        entry = json.loads(body)
        if not isinstance(entry, dict):
            raise ValueError("expected an object")
        self._comparison.accept(entry)
        return _answer(self._comparison.as_json())

    def _state(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        about = self._about()
        return {
            "title": about.title,
            "version": __version__,
            "connectionString": about.connection_string,
            "comparison": self._comparison is not None,
            **self._changing(),
        }

    def _numbers(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        wanted = from_query(query)
        last = self._store.last_number()
        after = int(query.get("after", ["0"])[-1])
        found = queries.numbers(self._store, wanted, after=after)
        total = len(found) if len(found) < queries.MOST_NUMBERS else queries.count(self._store, wanted)
        # A list without gaps is told by its ends: 100,000 numbers are 600 KB.
        whole = bool(found) and found[-1] - found[0] == len(found) - 1
        return {
            "total": total,
            "upTo": max(last, found[-1] if found else 0),
            "kql": kql.of_filter(wanted),
            **({"from": found[0], "to": found[-1]} if whole else {"numbers": found}),
        }

    def _items(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        wanted = [int(number) for number in query.get("numbers", [""])[-1].split(",") if number]
        if len(wanted) > MOST_ITEMS:
            raise ValueError(f"expected at most {MOST_ITEMS} numbers, got {len(wanted)}")
        return {"items": [asdict(item) for item in queries.items(self._store, wanted)]}

    def _item(self, rest: str, query: dict[str, list[str]]) -> JsonObject | None:
        found = queries.item(self._store, int(rest))
        return None if found is None else {**asdict(found), "kql": kql.of_item(found.table, found.row)}

    def _operations(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        before = query.get("before", [""])[-1]
        found = queries.operations(self._store, before=int(before) if before else None, failed=query.get("failed", [""])[-1] == "1")
        return {"operations": [asdict(operation) for operation in found]}

    def _transaction(self, rest: str, query: dict[str, list[str]]) -> JsonObject | None:
        found = transaction.find(self._store, rest)
        if found is None:
            return None
        numbered = transaction.as_dict(found)
        for item in numbered["items"]:
            item["number"] = arrival_number(item["row"]["itemId"])
            item["row"] = queries.shortened(item["row"])
        return {**numbered, "kql": kql.of_operation(found.operation_id)}

    def _metrics(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        return {"metrics": [asdict(metric) for metric in metrics(self._store)]}

    def _metric(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        table, name, namespace, by, grain = (query.get(key, [""])[-1] for key in ("table", "name", "namespace", "by", "grain"))
        found = chart(self._store, table, name, namespace or None, by, int(grain or 0))
        return {**asdict(found), "kql": kql.of_metric(table, name, by, max(60, found.grain_s))}

    def _map(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        last = self._store.last_number()
        if self._newest_map is None or self._newest_map[0] != last:
            self._newest_map = (last, application_map(self._store))
        found = self._newest_map[1]
        places = list(dict.fromkeys([*found.requests, *(end for ends in found.calls for end in ends), *found.exceptions]))
        return {
            "places": [
                {
                    **asdict(place),
                    **(_figures(found.requests[place]) if place in found.requests else {}),
                    "exceptions": found.exceptions.get(place, 0),
                }
                for place in places
            ],
            "calls": [
                {"from": places.index(caller), "to": places.index(called), **_figures(figures)}
                for (caller, called), figures in found.calls.items()
            ],
        }

    def _problems(self, rest: str, query: dict[str, list[str]]) -> JsonObject:
        before = query.get("before", [""])[-1]
        return {"refused": queries.refused(self._store, before=int(before) if before else None), "warnings": queries.warnings(self._store)}

    def _compared(self, rest: str, query: dict[str, list[str]]) -> JsonObject | None:
        return None if self._comparison is None else self._comparison.as_json()

    def _changes(self, rest: str, query: dict[str, list[str]]) -> JsonObject | None:
        return None if self._comparison is None else self._comparison.changes()

    def _counterpart(self, rest: str, query: dict[str, list[str]]) -> JsonObject | None:
        return None if self._comparison is None else self._comparison.counterpart(int(rest))


def _figures(figures: Figures) -> JsonObject:
    return {
        "calls": figures.calls,
        "failed": figures.failed,
        "p50": figures.percentile_ms(50),
        "p95": figures.percentile_ms(95),
    }


def _answer(value: JsonObject, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=True).encode("ascii"))
