"""The same programs on the real SDK and on ours: what arrives is compared field by field.

A program runs in two processes, one on each SDK, which send over HTTP to an endpoint each. Only what must differ from run to run is put
in another form first: ids become the name of the item that has them, times and durations are checked and left out. Whatever then differs
must fit a rule below, every rule must fit something, and rules name the rows of ``migration_guide/differences.md``.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from opencensus_compat._integrations import INTEGRATIONS
from opencensus_compat.compare import ROW, compare
from opencensus_compat.compare import model as compare_model
from opencensus_compat.compare.steps import STEPS
from opencensus_compat.local import LocalEndpoint, RecordedRequest
from opencensus_compat.local.store import Accepted, Store
from opencensus_compat.local.tables import row

_HERE = Path(__file__).parent
_REPOSITORY = _HERE.parents[1]
_RUNNER = _HERE / "run_programs.py"
_GUIDE = _REPOSITORY / "migration_guide" / "differences.md"
_PROGRAMS = {path.stem: path for path in sorted((_HERE / "programs").glob("*.py"))}
_OF_LIBRARIES = [name for name in _PROGRAMS if any(row.packages and name.startswith(f"{row.name}_") for row in INTEGRATIONS.values())]
"""Programs that begin with the name of an integration: the library that it traces is in other releases beside the real SDK."""
_LEGACY = _REPOSITORY / "examples" / "legacy"
_PAIR = _LEGACY / "stock_service.py", _LEGACY / "shop_client.py"
_SHOP = _LEGACY / "price_service.py", _LEGACY / "web_shop.py", _LEGACY / "shop_visitor.py"
_EXAMPLES = {path.stem: path for path in sorted(_LEGACY.glob("*.py")) if path not in (*_PAIR, *_SHOP)}

_Make = Callable[[Path | str, LocalEndpoint, Path], "Arrived"]

ABSENT = "<absent>"
ITEM = "<item>"
ANY = re.compile(".*", re.DOTALL)


class Difference(NamedTuple):
    """One field that is not the same."""

    place: str
    """``function | item | field``; without a field where a whole item is on one side only."""
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.place}\n      old {self.old!r:.300}\n      new {self.new!r:.300}"


class Rule(NamedTuple):
    """Differences that are meant."""

    row: str
    """Id of a row of the table in the migration guide."""
    place: str
    """Regular expression that all of `Difference.place` matches."""
    old: Any
    """The value, or a regular expression that all of its text matches."""
    new: Any
    """The same."""

    def fits(self, difference: Difference) -> bool:
        """Return whether this is why something differs."""
        return re.fullmatch(self.place, difference.place) is not None and _is(self.old, difference.old) and _is(self.new, difference.new)


def _is(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.fullmatch(str(value)) is not None
    return type(wanted) is type(value) and wanted == value


def _matching(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


LIBRARY = "library"
"""In the place of a row, for rules of `older[...]`: it is the old release of the library that does otherwise, and not this package."""

EVERYWHERE = (
    Rule(
        "sdk-version",
        r".* \| tags/ai\.internal\.sdkVersion",
        _matching(r"py3[\d.]+:oc0\.11\.4:ext1\.1\.15"),
        _matching(r"py3[\d.]+:otel[\d.]+:cc[\d.]+"),
    ),
)
"""Of every item."""

_ANOTHER_TRACE = _matching(r"<trace of RemoteDependency '(outer|worker_0)' #2>")
_OWN_TRACE = _matching(r"<trace of RemoteDependency '[\w ]+'>")

_NO_PARENT = r"\|00000000000000000000000000000000\.0000000000000000\."
_OUTSIDE_SPANS = (
    Rule("no-operation", r".* \| tags/ai\.operation\.id", "0" * 32, ABSENT),
    Rule("no-operation", r".* \| tags/ai\.operation\.parentId", _matching(_NO_PARENT), ABSENT),
)
"""Of records without a span."""

_FAILED = "(nowhere|fails|fails_with_cause|answered_exceptions|user_of_a_failing_request|awaited)"
"""Functions of the web frameworks' programs in which a request fails."""

_TIME_OF_METRICS = Rule("metric-time", r".* \| Metric .* \| time", _matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?"), "<time>")

_OF_STATEMENTS = (
    Rule("null-values", r".* \| RemoteDependency '(mysql|postgresql|sqlalchemy)\.query'.* \| data/baseData/type", None, ABSENT),
)
"""Of calls to databases."""

_FAILED_STATEMENTS = (
    Rule("failed-statements", r"failing \| RemoteDependency 'outer'", ABSENT, ITEM),
    Rule(
        "failed-statements",
        r"failing \| RemoteDependency '\w+\.query'( #2)? \| tags/ai\.operation\.(id|parentId)",
        ANY,
        _matching("<(trace|id) of RemoteDependency 'outer'>"),
    ),
    Rule("failed-statements", r"failing \| RemoteDependency '\w+\.query' \| data/baseData/resultCode", "0", "2"),
    Rule("failed-statements", r"failing \| RemoteDependency '\w+\.query' \| data/baseData/success", True, False),
)
"""Of programs that go on after a statement which their database refuses."""

RULES: dict[str, tuple[Rule, ...]] = {
    "test_envelopes[metrics]": (
        _TIME_OF_METRICS,
        Rule("distributions", r"distribution(_without_boundaries)? \| Metric 'requests'( #2)?", ABSENT, ITEM),
        Rule("limits", r"long_names \| .*/0/ns", _matching("n{1200}"), _matching("n{256}")),
        Rule("limits", r"long_names \| .*/0/name", _matching("n{1200}"), _matching("n{1024}")),
        Rule("limits", r"long_names \| .*/properties/k{200}", _matching("v{200}"), ABSENT),
        Rule("limits", r"long_names \| .*/properties/k{150}", ABSENT, _matching("v{200}")),
        Rule("one-bad-point", r"no_labels \| Metric 'g'", ABSENT, ITEM),
        Rule("one-bad-point", r"gone_function \| Metric '(half|whole)'", ABSENT, ITEM),
        Rule("one-bad-point", r"(no_labels|gone_function) \| told \| returned/0", "lost", None),
        Rule("one-bad-point", r"numbers_that_are_none \| Metric 'g'", ABSENT, ITEM),
        Rule("every-point", r"several_points \| Metric 'own' #2", ABSENT, ITEM),
    ),
    "test_examples[order_metrics]": (
        _TIME_OF_METRICS,
        Rule("distributions", r"order_metrics \| Metric 'order size'( #2)?", ABSENT, ITEM),
    ),
    "test_envelopes[metric_clients]": (
        _TIME_OF_METRICS,
        Rule("one-bad-point", r"true_and_false \| Metric 'flag'( #2)?", ABSENT, ITEM),
    ),
    "test_envelopes[metric_threads]": (
        _TIME_OF_METRICS,
        Rule("closed-thread", r"closed \| Metric 'closed' #2", ITEM, ABSENT),
    ),
    "test_envelopes[logs]": (
        *_OUTSIDE_SPANS,
        Rule(
            "no-operation", r"extra_ids \| Message 'trace' \| .*parentId", _matching(r"\|0af7651916cd43dd8448eb211c80319c\.0{16}\."), ABSENT
        ),
        Rule(
            "log-parent-id",
            r"extra_ids \| Message 'both' \| .*parentId",
            "|0af7651916cd43dd8448eb211c80319c.b7ad6b7169203331.",
            "b7ad6b7169203331",
        ),
        Rule("log-parent-id", r"extra_ids_of_another_form \| .*parentId", "|order-7.line-1.", "line-1"),
        Rule("severity-above-critical", r"levels_above \| .* \| data/baseData/severityLevel", _matching("[59]"), 4),
        Rule("empty-message", r"empty_messages \| Message 'n/a'", ABSENT, ITEM),
        Rule("limits", r"long_message \| .* \| data/baseData/message", _matching("m{40000}"), _matching("m{32768}")),
        Rule("limits", r"dimensions_long \| .* \| .*/properties/long", _matching("v{9000}"), _matching("v{8192}")),
        Rule("limits", r"dimensions_long \| .* \| .*/properties/k{150}", ABSENT, "key"),
        Rule("limits", r"dimensions_long \| .* \| .*/properties/k{200}", "key", ABSENT),
        Rule("none-attributes", r"dimensions_none \| .* \| .*/properties/missing", None, ABSENT),
        Rule("structured-dimensions", r"dimensions_structured \| .* \| .*/properties/list", [1, "a", None], '[1, "a", null]'),
        Rule("structured-dimensions", r"dimensions_structured \| .* \| .*/dict", {"sku": "A1", "n": [1, 2]}, '{"sku": "A1", "n": [1, 2]}'),
        Rule("structured-dimensions", r"dimensions_structured \| .* \| .*/(tuple|empty)", ANY, _matching(r"\[1,2\]|\[\]")),
        Rule("structured-dimensions", r"dimensions_enumerations \| .* \| .*/states", ["open", 3], '["open", 3]'),
        Rule("structured-dimensions", r"subclass_envelope \| .* \| .*/properties/list", [1, {"a": 2}], '[1, {"a": 2}]'),
        Rule("mapping-dimensions", r"dimensions_mappings \| Message '(proxy|chain)' \| .*/properties/a", ABSENT, "1"),
        Rule("limits", r"dimensions_keys \| .* \| .*/properties/", "empty", ABSENT),
        Rule("limits", r"half_of_a_pair \| .* \| .*/properties/name", "caf\udce9", "caf\ufffd"),
        Rule("limits", r"half_of_a_pair \| .* \| .*/properties/huge", 2**70, str(2**70)),
        Rule("none-keys", r"dimensions_keys \| .* \| .*/properties/null", "none", ABSENT),
        Rule("none-keys", r"dimensions_keys \| .* \| .*/properties/None", ABSENT, "none"),
    ),
    "test_envelopes[log_exceptions]": (
        *_OUTSIDE_SPANS,
        Rule("stack-levels", r"(?!.*recursion).* \| Exception .*/parsedStack/0/level", 2, 0),
        Rule("stack-levels", r"(?!.*recursion).* \| Exception .*/parsedStack/2/level", 0, 2),
        Rule("stack-levels", r"(deep_)?recursion \| .*/parsedStack/\d+/level", ANY, _matching(r"\d+")),
        Rule("exception-causes", r"(cause|context) \| .*/exceptions/1/.*", ABSENT, ANY),
        Rule("limits", r"deep_recursion \| .*/parsedStack/99/(method|line)", ANY, _matching("deep_recursion|.*")),
        Rule("limits", r"deep_recursion \| .*/parsedStack/\d+/\w+", ANY, ABSENT),
        Rule("limits", r"long_text \| .*/exceptions/0/message", _matching(".{40000,}"), _matching(".{32768}")),
    ),
    "test_envelopes[log_events]": (
        *_OUTSIDE_SPANS,
        Rule("none-attributes", r"with_dimensions \| .* \| .*/properties/note", None, ABSENT),
        Rule("measurements", r"with_odd_measurements \| .* \| data/baseData/measurements/number", "12.5", 12.5),
        Rule("measurements", r"with_odd_measurements \| .* \| data/baseData/measurements/price", "1.5", 1.5),
        Rule("measurements", r"with_odd_measurements \| .* \| data/baseData/measurements/(yes|word)", ANY, ABSENT),
        Rule("measurements", r"with_odd_measurements \| .* \| data/baseData/measurements", ABSENT, {}),
        Rule("empty-message", r"without_name \| Event 'n/a'", ABSENT, ITEM),
        Rule("limits", r"long_name \| .* \| data/baseData/name", _matching("e{600}"), _matching("e{512}")),
    ),
    "test_envelopes[log_configs]": _OUTSIDE_SPANS,
    "test_envelopes[log_file_config]": _OUTSIDE_SPANS,
    "test_envelopes[logs_in_spans]": (
        *_OUTSIDE_SPANS,
        Rule("log-correlation", r"\w+_in_a(n_unsampled)?_span \| .* \| .*operation\.id", "0" * 32, _matching("<trace of .*>")),
        Rule("log-correlation", r"\w+_in_a_span \| .* \| .*parentId", _matching(_NO_PARENT), _matching("<id of .*>")),
        Rule("log-correlation", r"record_in_an_unsampled_span \| .*parentId", _matching(_NO_PARENT), _matching("<other id .*>")),
        Rule("log-parent-id", r"adapter_in_a_span \| .*parentId", _matching(r"\|<trace of .*>\.<id of .*>\."), _matching("<id of .*>")),
        Rule("no-operation", r"adapter_in_a_span \| .*parentId", _matching(r"\|<trace of .*>\.0{16}\."), ABSENT),
    ),
    "test_envelopes[logs_integrated]": (
        Rule(
            "log-parent-id",
            r"(record|exception_and_event|format) \| .*parentId",
            _matching(r"\|<trace of .*>\.<id of .*>\."),
            _matching("<id of .*>"),
        ),
        Rule(
            "log-parent-id",
            r"given_ids \| .*parentId",
            "|0af7651916cd43dd8448eb211c80319c.b7ad6b7169203331.",
            "b7ad6b7169203331",
        ),
        Rule("no-operation", r"(outside_a_span|without_a_tracer) \| .*parentId", _matching(r"\|<trace of .*>\.0{16}\."), ABSENT),
        Rule("unsampled-context", r"unsampled \| .*parentId", _matching(r"\|<trace of .*>\.0{16}\."), _matching("<other id .*>")),
        Rule("log-correlation", r"logger_made_before \| .*operation\.id", "0" * 32, "<trace of RemoteDependency 'work'>"),
        Rule("log-correlation", r"logger_made_before \| .*parentId", _matching(_NO_PARENT), "<id of RemoteDependency 'work'>"),
    ),
    "test_envelopes[grpc_calls]": (
        Rule("none-attributes", r".* \| RemoteDependency '.*'( #2)? \| .*/properties/(error\.message|grpc\.host_port)", None, ABSENT),
        Rule("none-attributes", r"futures_beside \| RemoteDependency 'outer' \| data/baseData/properties", ABSENT, {}),
        Rule("grpc-failed", r"failed(_later)? \| RemoteDependency '(outer|Sent\.shop\.Orders\.Unknown)'", ABSENT, ITEM),
        Rule(
            "grpc-failed", r"failed(_later)? \| .* '(after|Sent\.\S+)' \| tags/ai\.operation\.(id|parentId)", ANY, _matching("<.* 'outer'>")
        ),
        Rule("grpc-failed", r"failed(_later)? \| .* 'Sent\.\S+' \| data/baseData/resultCode", "0", _matching("2|14")),
        Rule("grpc-failed", r"failed(_later)? \| .* 'Sent\.\S+' \| data/baseData/success", True, False),
        Rule("grpc-failed", r"failed(_later)? \| .* 'Sent\.\S+' \| .*/error\.message", ABSENT, ANY),
        Rule("grpc-futures", r"futures_beside \| .* '(meanwhile|Sent\.\S+)'( #2)? \| .*parentId", ANY, "<id of RemoteDependency 'outer'>"),
        Rule("grpc-server-code", r"served_(with_code|aborted) \| Request '' \| data/baseData/responseCode", _matching("0|2"), "5"),
        Rule("grpc-server-code", r"served_with_code \| Request '' \| data/baseData/success", True, False),
        Rule("grpc-caller", r"both_sides \| .* \| tags/ai\.operation\.id", ANY, "<trace of RemoteDependency 'outer'>"),
        Rule("grpc-caller", r"both_sides \| Request '' \| .*parentId", ABSENT, "<id of RemoteDependency 'Sent.shop.Orders.One'>"),
        Rule("exception-parent", r"served_\w+ \| Exception '' \| .*parentId", ABSENT, "<id of Request ''>"),
        Rule("log-correlation", r"served_log_line \| Message .* \| .*operation\.id", ANY, "<trace of Request ''>"),
        Rule("log-correlation", r"served_log_line \| Message .* \| .*parentId", ANY, "<id of Request ''>"),
    ),
    "test_envelopes[gevent_pool]": (
        Rule("log-parent-id", r"log_lines \| .* \| .*parentId", _matching(r"\|<trace of .*>\.<id of .*>\."), _matching("<id of .*>")),
    ),
    "test_envelopes[google_cloud_clientlibs_calls]": (
        Rule("none-attributes", r".* \| .*/properties/error\.message", None, ABSENT),
        Rule("google-targets", r"insecure_channel_by_position \| .*/grpc\.host_port", None, "<endpoint>"),
        Rule("google-twice", r"switched_on_twice \| RemoteDependency 'Sent.google.pubsub.v1.Pu' #2", ITEM, ABSENT),
    ),
    "test_envelopes[pymongo_commands]": (
        Rule("none-attributes", r"events \| .*saslSt' \| .*/properties/db\.statement", None, ABSENT),
        Rule("mongodb-overlap", r"overlapping \| .* \| data/baseData/(resultCode|success)", ANY, ANY),
        Rule("mongodb-twice", r"switched_on_twice \| RemoteDependency 'pymongo\.shop\.orders\.inse' #2", ITEM, ABSENT),
    ),
    "test_envelopes[kinds]": (
        Rule("null-values", r"(all_kinds|client_without_component) \| RemoteDependency '.*' \| data/baseData/type", None, ABSENT),
        Rule(
            "credentials-in-urls",
            r"client_with_credentials \| .* \| data/baseData/(data|url|properties/request\.url)",
            "http://bob:secret@shop.example:8080/orders",
            "http://shop.example:8080/orders",
        ),
        Rule(
            "credentials-in-urls",
            r"client_with_credentials \| RemoteDependency 'GET /orders' \| data/baseData/target",
            "bob:secret@shop.example:8080",
            "shop.example:8080",
        ),
        Rule("in-process-success", r"in_process_statuses \| RemoteDependency 'code [27]' \| data/baseData/success", True, False),
        Rule("text-status-code", r"text_status_codes \| (RemoteDependency 'good'|Request '')", ABSENT, ITEM),
        Rule("text-status-code", r"text_status_codes_of_failures \| (RemoteDependency 'failed'|Request '')", ABSENT, ITEM),
    ),
    "test_envelopes[values]": (
        Rule("structured-attributes", r"mixed_sequences \| .* \| .*/mixed", ["a", 1, None], '["a",1,null]'),
        Rule("structured-attributes", r"mixed_sequences \| .* \| .*/nested", ANY, '[{"sku":"A1"},{"sku":"B2"}]'),
        Rule("structured-attributes", r"mappings \| .* \| .*/order", {"sku": "A1", "count": 2}, '{"sku":"A1","count":2}'),
        Rule("none-attributes", r"none \| .* \| .*/properties/missing", None, ABSENT),
        Rule("not-finite", r"not_finite \| RemoteDependency 'values'", ABSENT, ITEM),
        Rule("keys-that-are-no-text", r"non_text_keys \| RemoteDependency 'values'", ABSENT, ITEM),
        Rule("structured-attributes", r"enumerations \| .* \| .*/states", ["open"], '["open"]'),
        Rule("limits", r"huge_number \| .* \| .*/properties/huge", 2**70, str(2**70)),
        Rule("limits", r"long_text \| .* \| .*/properties/long", _matching("y{9000}"), _matching("y{8192}")),
        Rule("limits", r"long_keys \| .*/properties/l{200}", "long", ABSENT),
        Rule("limits", r"long_keys \| .*/properties/l{150}", ABSENT, "long"),
        Rule("limits", r"long_name \| .* \| data/baseData/name", _matching("n{1100}"), _matching("n{1024}")),
        Rule("empty-name", r"odd_names \| RemoteDependency 'n/a'", ABSENT, ITEM),
    ),
    "test_envelopes[errors]": (
        Rule(
            "exception-parent",
            r"\w+ \| Exception '' \| tags/ai\.operation\.parentId",
            "<id of RemoteDependency 'outer'>",
            "<id of Request 'GET /orders'>",
        ),
        Rule("stack-levels", r"with_frames \| Exception '' \| data/baseData/exceptions/0/parsedStack/0/level", 1, 0),
        Rule("stack-levels", r"with_frames \| Exception '' \| data/baseData/exceptions/0/parsedStack/1/level", 0, 1),
        Rule("stack-text", r"with_text(_\w+)? \| Exception '' \| data/baseData/exceptions/0/parsedStack(/\d)?", ANY, ABSENT),
        Rule(
            "stack-text",
            r"with_text_of_several_frames \| Exception '' \| data/baseData/exceptions/0/stack",
            ABSENT,
            _matching(r'  File "stock.py", line 12, in reserve\n+  File "shop.py", line 5, in take\n'),
        ),
        Rule(
            "stack-text",
            r"with_text(_lines)? \| Exception '' \| data/baseData/exceptions/0/stack",
            ABSENT,
            '  File "stock.py", line 12, in reserve\n',
        ),
        Rule(
            "structured-attributes",
            r"with_frames \| Request 'GET /orders' \| data/baseData/properties/stacktrace",
            ANY,
            _matching(r'\[\{"level":1,"method":"reserve",.*\]'),
        ),
        Rule("trace-per-root", r"leaving_calls \| .* \| tags/ai\.operation\.id", "<trace of Request ''>", _OWN_TRACE),
        Rule("none-attributes", r"(message|name)_none \| .*/properties/(error\.(message|name)|stacktrace)", None, ABSENT),
        Rule("error-details", r"message_number \| Exception '' \| data/baseData/exceptions/0/message", 404, "404"),
        Rule("error-details", r"name_number \| Exception '' \| data/baseData/exceptions/0/typeName", 5, "5"),
        Rule("error-details", r"name_(none|empty) \| Exception ''", ABSENT, ITEM),
        Rule("no-errors", r"leaving_without_error \| .* \| data/baseData/(result|response)Code", "2", "0"),
        Rule("no-errors", r"leaving_without_error \| .* \| data/baseData/success", False, True),
        Rule("in-process-success", r"leaving_with_status \| RemoteDependency .* #2 \| data/baseData/success", True, False),
        Rule("in-process-success", r"leaving_(work|decorated) \| RemoteDependency '(work|reserve)' \| data/baseData/success", True, False),
        Rule("trace-decorator", r"leaving_decorated \| RemoteDependency 'request'", ABSENT, ITEM),
        Rule("trace-decorator", r"leaving_decorated \| RemoteDependency '(reserve|after)' \| tags/ai\.operation\.(id|parentId)", ANY, ANY),
        Rule("trace-decorator", r"leaving_decorated \| RemoteDependency 'reserve' \| data/baseData/resultCode", "0", "2"),
    ),
    "test_envelopes[structure]": (
        Rule("after-the-end", r"changed_after_the_end \| RemoteDependency 'ended' \| .*/properties/late", 2, ABSENT),
        Rule(
            "links-to-other-ids",
            r"links_to_other_ids \| RemoteDependency 'linked' \| .*/properties/_MS\.links",
            _matching(r"\[(\{.*1{32}.*2{16}\"\}), \{.*order-7.*line-1.*\}\]"),
            _matching(r"\[\{.*1{32}.*2{16}\"\}\]"),
        ),
        Rule("leaked-inner-spans", r"leaked_inner_span \| RemoteDependency 'outer'", ABSENT, ITEM),
        Rule(
            "leaked-inner-spans", r"leaked_inner_span \| .* \| tags/ai\.operation\.id", "<trace of RemoteDependency 'leaked'>", _OWN_TRACE
        ),
        Rule("leaked-inner-spans", r"leaked_inner_span \| .* 'leaked' \| .*parentId", ANY, "<id of RemoteDependency 'outer'>"),
        Rule("leaked-inner-spans", r"leaked_inner_span \| .* 'next' \| .*parentId", _matching("<other id .*>"), ABSENT),
        Rule(
            "trace-per-root",
            r"roots_of_one_tracer \| RemoteDependency '(part of )?second' \| tags/ai\.operation\.id",
            "<trace of RemoteDependency 'first'>",
            "<trace of RemoteDependency 'second'>",
        ),
        Rule(
            "nested-tracers",
            r"tracer_inside_a_span \| RemoteDependency 'inner' \| tags/ai\.operation\.id",
            "<trace of RemoteDependency 'inner'>",
            "<trace of RemoteDependency 'outer'>",
        ),
        Rule("decorated-name", r"decorated \| told \| returned/1", "wrapper", "reserve"),
    ),
    "test_envelopes[propagation]": (
        Rule("assigned-contexts", r"ids_assigned \| RemoteDependency '(request|part)' \| tags/ai\.operation\.id", "f" * 32, ANY),
        Rule("assigned-contexts", r"context_assigned \| .* \| tags/ai\.operation\.(id|parentId)", ANY, _matching("1{16}0{15}1|2{16}")),
        Rule("sample-rate", r"one_in_four \| RemoteDependency '(root|part)' \| sampleRate", ABSENT, 25.0),
        Rule(
            "unsampled-context",
            r"context_of_an_unsampled_span \| told \| returned/0",
            _matching("00-<other id .*>-None-00"),
            _matching("00-<other id .*>-<other id .*>-00"),
        ),
    ),
    "test_envelopes[threads]": (
        Rule(
            "concurrent-spans",
            r"one_tracer_at_once \| RemoteDependency 'second' \| tags/ai\.operation\.id",
            "<trace of RemoteDependency 'first'>",
            "<trace of RemoteDependency 'second'>",
        ),
        Rule(
            "concurrent-spans",
            r"one_tracer_at_once \| RemoteDependency 'second' \| tags/ai\.operation\.parentId",
            "<id of RemoteDependency 'first'>",
            ABSENT,
        ),
    ),
    "test_envelopes[integrated_threads]": (
        Rule("trace-per-root", r"(threads_one_after_the_other|after_a_job) \| .* \| tags/ai\.operation\.id", ANY, _ANOTHER_TRACE),
        Rule(
            "jobs-outside-spans",
            r"(outside_a_span|after_a_job) \| RemoteDependency 'worker_0'( #2)? \| tags/ai\.operation\.parentId",
            _matching("<other id .*>"),
            ABSENT,
        ),
        Rule("in-process-success", r"failing_job \| RemoteDependency 'worker_0' \| data/baseData/success", True, False),
        Rule("timers", r"timer \| RemoteDependency 'ticking'", ABSENT, ITEM),
    ),
    "test_envelopes[functions_app]": (
        Rule(
            "log-parent-id",
            r"log_lines \| Message .* \| tags/ai\.operation\.parentId",
            _matching(r"\|<trace of .*>\.<.*id.*>\."),
            _matching("<.*id.*>"),
        ),
        Rule("in-process-success", r"(raises|caught) \| RemoteDependency 'work' \| data/baseData/success", True, False),
        Rule("functions-that-raise", r"raises \| Exception ''", ABSENT, ITEM),
        Rule("functions-that-raise", r"raises_with_an_open_span \| RemoteDependency 'open'", ABSENT, ITEM),
        Rule(
            "functions-that-raise",
            r"raises_with_an_open_span \| RemoteDependency 'fine' \| .*parentId",
            _matching("<other id .*>"),
            _matching("<other id .*>"),
        ),
    ),
    "test_envelopes[exporters]": (
        Rule("module-names", r"printed \| told \| printed/[01]", _matching(r".*<opencensus\..*"), _matching(r".*<opencensus_compat\..*")),
        Rule("shared-tags", r"processor_of_failing_requests \| Exception '' \| tags/ai\.user\.id", "u1", ABSENT),
        Rule("shared-tags", r"processor_of_failing_requests \| Exception '' \| data/baseData/properties", ABSENT, {}),
        Rule("exception-parent", r"processor_of_failing_requests \| Exception '' \| .*parentId", ABSENT, "<id of Request ''>"),
        Rule("structured-attributes", r"key_of_the_environment \| .* \| .*/order", ANY, '{"sku":"A1","count":2}'),
        Rule("none-attributes", r"key_of_the_environment \| .* \| .*/properties/missing", None, ABSENT),
        Rule("key-and-endpoint", r"key_of_another_resource \| told \| returned/0", True, False),
        Rule(
            "key-and-endpoint", r"connection_strings \| told \| returned/[46]", "http://<endpoint>", "https://dc.services.visualstudio.com"
        ),
        Rule("key-and-endpoint", r"connection_strings \| told \| returned/10", "https://example.test", "ValueError"),
        Rule("connection-strings", r"connection_strings \| told \| returned/[125]", "ValueError", _matching("https://.*")),
        Rule("bad-options", r"bad_options \| told \| returned/[23]", "http://<endpoint>", "ValueError"),
    ),
    "test_envelopes[dbapi_sqlite]": (
        *_OF_STATEMENTS,
        *_FAILED_STATEMENTS,
        Rule("refused-connections", r"refused \| told \| returned/1", 2, 1),
    ),
    "test_envelopes[sqlalchemy_sqlite]": (
        *_OF_STATEMENTS,
        *_FAILED_STATEMENTS,
        Rule(
            "rows-of-sqlalchemy",
            r"several_rows \| .* #2 \| data/baseData/properties/sqlalchemy\.query\.parameters",
            "((1, 'a1'), (2, 'b2'))",
            "[(1, 'a1'), (2, 'b2')]",
        ),
    ),
    "test_envelopes[httpx_calls]": (
        Rule("httpx-headers", r"without_headers \| told \| returned/0", ["x-own", "2"], ANY),
        Rule("httpx-headers", r"without_headers \| told \| returned/1", ABSENT, ["x-own", "2"]),
        Rule("httpx-headers", r"headers_of_other_types \| told \| returned/1", ANY, ANY),
        Rule("httpx-headers", r"headers_of_other_types \| told \| returned/2", ["X-Own", "traceparent"], ["X-Own"]),
        Rule("httpx-urls", r"(invalid_urls|objects_as_urls) \| RemoteDependency 'GET /orders(/200)?'", ABSENT, ITEM),
        Rule("httpx-urls", r"objects_as_urls \| told \| returned/0", "AttributeError", None),
        Rule("httpx-urls", r"objects_as_urls \| told \| returned/1", [], ANY),
        Rule("httpx-base-url", r"below_a_base \| RemoteDependency 'GET /?orders/20[01]'", ITEM, ABSENT),
        Rule("httpx-base-url", r"below_a_base \| RemoteDependency 'GET /v1/orders/20[01]'", ABSENT, ITEM),
        Rule("httpx-async", r"asynchronous \| RemoteDependency '(GET /orders/200|POST /orders/503)'", ABSENT, ITEM),
    ),
    "test_envelopes[fastapi_requests]": (
        Rule("exception-parent", r".* \| Exception '.* \| tags/ai\.operation\.parentId", ANY, _matching(r"<id of Request 'GET /\w+'>")),
        Rule("stack-text", r".* \| Exception '.* \| .*/0/parsedStack", ANY, ABSENT),
        Rule("stack-text", r".* \| Exception '.* \| .*/0/stack", ABSENT, ANY),
        Rule(
            "fastapi-stacks",
            r".* \| Request 'GET /\w+' \| .*/stacktrace",
            _matching(r".*starlette/middleware/base\.py.*fastapi_requests\.py.*"),
            _matching(r"  File \S*fastapi_middleware\.py.*fastapi_requests\.py.*"),
        ),
        Rule("fastapi-streams", r"streams_that_fail \| Request 'GET /parts' \| .*/responseCode", "200", "500"),
        Rule("fastapi-streams", r"streams_that_fail \| Request 'GET /parts' \| .*/success", True, False),
        Rule("fastapi-streams", r"streams_that_fail \| Request 'GET /parts' \| .*/(error\.\w+|stacktrace)", ABSENT, ANY),
        Rule("fastapi-streams", r"streams_that_fail \| Exception ''", ABSENT, ITEM),
        Rule(
            "fastapi-next-request",
            r"spans_inside \| Request 'GET /sync' \| tags/ai\.operation\.parentId",
            "<id of Request 'GET /async'>",
            "00f067aa0ba902b7",
        ),
        Rule("fastapi-cancelled", r"cancelled \| Request 'GET /slow'", ABSENT, ITEM),
        Rule("fastapi-failing-methods", r"cannot_be_described \| Request ''", ABSENT, ITEM),
    ),
    "older[pymongo_commands]": (Rule(LIBRARY, r"commands \| .* \| data/baseData/properties/sort", "{'at': -1}", "SON([('at', -1)])"),),
    "test_envelopes[flask_requests]": (
        Rule("stack-text", r".* \| Exception '' \| .*/0/parsedStack", _matching("  File .*"), ABSENT),
        Rule("stack-text", r".* \| Exception '' \| .*/0/stack", ABSENT, _matching("  File .*")),
        Rule("exception-parent", r".* \| Exception '' \| .*parentId", ABSENT, _matching("<id of Request 'GET( /fails)?'>")),
        Rule("shared-tags", r".* \| Exception '' \| data/baseData/properties", ABSENT, {}),
        Rule("logged-exceptions", r"fails_and_logs \| Exception '' #2", ITEM, ABSENT),
        Rule("logged-exceptions", r"fails_and_logs \| Exception '' \| tags/ai\.operation\.name", "GET /fails", ABSENT),
        Rule("logged-exceptions", r"fails_and_logs \| Exception '' \| .*/message", "no such order", "Exception on /fails [GET]"),
        Rule("logged-exceptions", r"fails_and_logs \| Exception '' \| .*(parsedStack/0/\w+|severityLevel|properties/\w+)", ABSENT, ANY),
        Rule("logged-exceptions", r"fails_and_logs \| Request .* \| tags/ai\.operation\.id", ANY, "<trace of Request 'GET /fails'>"),
        Rule("logged-exceptions", r"fails_and_logs \| Exception '' \| tags/ai\.operation\.id", ANY, "<trace of Request 'GET /fails'>"),
        Rule(
            "log-parent-id",
            r"(logs|at_once) \| .*parentId",
            _matching(r"\|.*\.(<id of .*>|b7ad6b7169203331)\."),
            _matching(r"<id of .*>|b7ad6b7169203331"),
        ),
        Rule("open-children", r"child_left_open(_fails)? \| Request 'GET'", ITEM, ABSENT),
        Rule("open-children", r"child_left_open(_fails)? \| Request 'GET /open'", ABSENT, ITEM),
        Rule("open-children", r"child_left_open_fails \| Exception ''", ABSENT, ITEM),
        Rule("open-children", r"child_left_open(_fails)? \| RemoteDependency .* \| tags/.*Id", ANY, "<id of Request 'GET /open'>"),
        Rule("open-children", r"child_left_open(_fails)? \| RemoteDependency .*operation\.id", ANY, _matching("<trace of .*>")),
        Rule("open-children", r"child_left_open_fails \| RemoteDependency 'child' \| .*/resultCode", "2", "0"),
        Rule("open-children", r"child_left_open_fails \| RemoteDependency 'child' \| .*/properties.*", ANY, _matching("<absent>|{}")),
        Rule("inner-requests", r"client_in_a_view \| Request 'GET /outer'", ABSENT, ITEM),
        Rule("inner-requests", r"client_in_a_view \| Request 'GET /orders/<number>' \| .*parentId", ANY, "b7ad6b7169203331"),
        Rule(
            "inner-requests",
            r"client_in_a_view \| RemoteDependency 'after' \| tags/.*",
            ANY,
            _matching("<(id|trace) of Request 'GET /outer'>"),
        ),
        Rule("flask-streams", r"stream \| RemoteDependency 'part [01]' \| .*parentId", ANY, "<id of Request 'GET /stream'>"),
        Rule("flask-next-requests", r"settings_as_(text|objects) \| RemoteDependency 'price' #2", ITEM, ABSENT),
        Rule(
            "flask-next-requests",
            r"excluded_after_a_request \| Message 'health' \| .*operation\.id",
            _matching("<trace of Request .*>"),
            "<trace of Message 'health'>",
        ),
        Rule("flask-next-requests", r"excluded_after_a_request \| Message 'health' \| .*parentId", ANY, ABSENT),
    ),
    "test_envelopes[pyramid_requests]": (
        Rule("pyramid-exceptions", r"(fails|below_the_views_of_exceptions) \| Request 'GET /orders/7' \| .*parentId", ANY, ABSENT),
        Rule("pyramid-exceptions", r"fails \| (Request 'GET /fails'|Exception '')", ABSENT, ITEM),
        Rule("pyramid-exceptions", r"below_the_views_of_exceptions \| Request 'GET /forbidden'", ABSENT, ITEM),
        Rule("open-children", r"child_left_open \| Request 'GET /open' \| .*/responseCode", "0", "201"),
        Rule("inner-requests", r"subrequest \| Request 'GET /outer'", ABSENT, ITEM),
        Rule("inner-requests", r"subrequest \| Request 'GET /orders/7' \| .*parentId", ANY, "b7ad6b7169203331"),
        Rule(
            "inner-requests", r"subrequest \| RemoteDependency 'after' \| tags/.*", ANY, _matching("<(id|trace) of Request 'GET /outer'>")
        ),
        Rule(
            "log-parent-id",
            r"logs \| .*parentId",
            _matching(r"\|.*\.(<id of .*>|b7ad6b7169203331)\."),
            _matching(r"<id of .*>|b7ad6b7169203331"),
        ),
    ),
    "test_envelopes[clients]": (Rule("null-values", r"client_library \| RemoteDependency 'PUT' \| data/baseData/type", None, ABSENT),),
    "test_envelopes[django_requests]": (
        Rule("stack-text", rf"{_FAILED} \| Exception ''( #2)? \| .*/parsedStack", _matching("  File .*"), ABSENT),
        Rule("stack-text", rf"{_FAILED} \| Exception ''( #2)? \| .*/stack", ABSENT, _matching("  File .*")),
        Rule("exception-parent", rf"{_FAILED} \| Exception ''( #2)? \| .*parentId", ANY, _matching("<id of Request 'GET /.*'( #2)?>")),
        Rule(
            "log-parent-id",
            r"logs \| .*parentId",
            _matching(r"\|0af7651916cd43dd8448eb211c80319c\.<id of .*>\."),
            _matching("<id of .*>"),
        ),
        Rule("log-correlation", r"logs_of_django \| Message .*operation\.id", ANY, "<trace of Request 'GET /nowhere'>"),
        Rule("no-operation", r"logs_of_django \| Message .*parentId", _matching(r"\|<trace of Message .*>\.<other id \d+>\."), ABSENT),
        Rule("django-queries", r"queries \| RemoteDependency 'sqlite.query' #5", ABSENT, ITEM),
        Rule("django-queries", r"queries_of_other_threads \| RemoteDependency 'sqlite.query'( #[23])?", ABSENT, ITEM),
        Rule("django-queries", r"middleware_made_twice \| RemoteDependency 'sqlite.query' #3", ITEM, ABSENT),
        Rule("django-requests", r"(broken_user|strange_host|propagated_exceptions) \| Request 'GET /(plain|fails)'", ABSENT, ITEM),
        Rule("django-requests", r"propagated_exceptions \| Exception ''", ABSENT, ITEM),
        Rule("django-streams", r"streams_queries \| .*parentId", "b7ad6b7169203331", "<id of Request 'GET /streams-queries'>"),
        Rule("django-streams", r"streams_until_it_fails \| Exception ''", ABSENT, ITEM),
        Rule("django-streams", r"streams_until_it_fails \| Request .*/(error\.(name|message)|stacktrace)", ABSENT, ANY),
        Rule("django-streams", r"streams_until_it_fails \| Request .*operation\.id", ANY, ANY),
        Rule("django-exclusions", r"excluded_by_their_older_names \| Request 'GET /health/live'", ITEM, ABSENT),
        Rule("django-exclusions", r"excluded_after_a_request \| RemoteDependency '(price|sqlite.query)'", ITEM, ABSENT),
    ),
    "test_environment": (
        Rule("null-values", r".* \| tags/ai\.device\.locale", None, ABSENT),
        Rule("role-from-service-name", r".* \| tags/ai\.cloud\.role", "run_programs.py", "shop"),
    ),
    "test_requests": (
        Rule("batch-size", "sizes", [30, 30, 30, 50, 100], [30, 30, 30, 150]),
        Rule("request-path", "path", "//v2.1/track", "/v2.1/track"),
        Rule("gzip", "content-encoding", None, "gzip"),
        Rule("user-agent", "user-agent", _matching(r"python-requests/[\d.]+"), "census-compat"),
    ),
    "test_examples[quickstart]": (
        Rule("module-names", r".* \| told \| printed/[01]", _matching(r".*<opencensus\..*"), _matching(r".*<opencensus_compat\..*")),
    ),
    "test_examples[failing_request]": (
        Rule("in-process-success", r".* 'reserve stock' \| data/baseData/success", True, False),
        Rule("exception-parent", r".* \| Exception '' \| tags/ai\.operation\.parentId", ABSENT, "<id of Request 'POST /orders'>"),
        Rule("stack-levels", r".* \| Exception '' \| .*/parsedStack/0/level", 1, 0),
        Rule("stack-levels", r".* \| Exception '' \| .*/parsedStack/1/level", 0, 1),
        Rule("structured-attributes", r".* \| Request '.*' \| .*/properties/stacktrace", ANY, _matching(r'\[\{"level":1,.*\]')),
    ),
    "test_examples[one_line_log]": (
        Rule("no-operation", r".* \| tags/ai\.operation\.id", "<trace of Message 'stock of kettles is low'>", ABSENT),
        Rule("no-operation", r".* \| tags/ai\.operation\.parentId", _matching(r"\|<trace of .*>\.<other id 1>\."), ABSENT),
    ),
    "test_examples[order_service]": (
        Rule("log-correlation", r".* \| tags/ai\.operation\.id", ANY, "<trace of Request 'POST /orders'>"),
        Rule("log-correlation", r".* \| tags/ai\.operation\.parentId", _matching(r"\|.*\."), _matching("<id of .*>")),
        Rule("in-process-success", r".* 'reserve stock' \| data/baseData/success", True, False),
        Rule("exception-causes", r".*/exceptions/1/.*", ABSENT, ANY),
        Rule("stack-levels", r".*/parsedStack/\d/level", ANY, _matching(r"\d")),
    ),
    "test_services_on_frameworks": (
        *_OF_STATEMENTS,
        Rule("log-parent-id", r".* \| .*parentId", _matching(r"\|<trace of .*>\.<id of .*>\."), _matching("<id of .*>")),
    ),
    "test_examples[configured_logging]": (
        Rule("log-parent-id", r".* \| .*parentId", _matching(r"\|<trace of .*>\.<id of .*>\."), _matching("<id of .*>")),
    ),
    "test_examples[thread_workers]": (
        Rule("concurrent-spans", r".* \| tags/ai\.operation\.id", ANY, _matching("<trace of RemoteDependency 'job [a-z ]+'>")),
        Rule("concurrent-spans", r".* 'job .*' \| tags/ai\.operation\.parentId", _matching("<id of .*"), ABSENT),
        Rule(
            "concurrent-spans", r".* '(load|save) .*' \| tags/ai\.operation\.parentId", ANY, _matching("<id of RemoteDependency 'job .*'>")
        ),
    ),
}
"""By test."""

_MAY_BE_IDLE = {"test_examples[thread_workers]"}
"""Which of its spans get a wrong parent on the real SDK depends on the scheduler."""


class Arrived(NamedTuple):
    """What one SDK made of one program."""

    items: dict[str, list[dict[str, Any]]]
    """Envelopes by function, in order of time."""
    told: dict[str, dict[str, Any]]
    """What each function returned and printed."""
    ended: datetime
    """When the process had ended."""
    errors: str
    """Standard error."""
    refused: list[str]
    """Why the endpoint refused items."""
    requests: list[RecordedRequest]
    """The requests."""
    recording: Path = Path()
    """The database of the endpoint, which `census-compat compare` reads."""


def _environment(endpoint: LocalEndpoint, folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a program's process: those of this one without what either SDK reads, and the given ones."""
    prefixes = ("OTEL_", "APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_", "PYTHON")
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(prefixes)},
        "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "LC_ALL": "en_US.UTF-8",
        "PYTHONWARNINGS": "ignore",
        "TMPDIR": str(folder),
        **variables,
    }


def _start(command: Sequence[Path | str], endpoint: LocalEndpoint, folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    environment = _environment(endpoint, folder, variables)
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for a process that must succeed, and return what it wrote to both streams."""
    try:
        printed, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    return printed, errors


def _on_both(legacy_python: Path, folder: Path, make: _Make) -> tuple[Arrived, Arrived]:
    """Return what arrived from the real SDK and from ours; both run at the same time."""
    old, new = _on_each([legacy_python, sys.executable], folder, make)
    return old, new


def _on_each(pythons: Sequence[Path | str], folder: Path, make: _Make) -> list[Arrived]:
    """Return what arrived from the SDK of each interpreter; two run at the same time."""

    def run(number: int, python: Path | str) -> Arrived:
        own = folder / str(number)
        own.mkdir()
        with LocalEndpoint(database=own / "items.db") as endpoint:
            return make(python, endpoint, own)._replace(recording=own / "items.db")

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(len(pythons)), pythons))


def _arrived(endpoint: LocalEndpoint, functions: Mapping[str, str], told: dict[str, dict[str, Any]], errors: str) -> Arrived:
    """Return what an endpoint holds after the programs have ended; `functions` are by instrumentation key."""
    ended = datetime.now(timezone.utc)
    endpoint.wait_idle()
    items: dict[str, list[dict[str, Any]]] = {function: [] for function in functions.values()}
    for envelope in sorted(endpoint.envelopes(), key=lambda envelope: (envelope["time"], envelope["name"])):
        items[functions[envelope.pop("iKey")]].append(envelope)
    return Arrived(items, told, ended, errors, [refusal.message for refusal in endpoint.refused], endpoint.requests)


def _functions(program: Path) -> list[str]:
    """Return the functions of a program file that the runner calls."""
    body = ast.parse(program.read_text(encoding="utf-8")).body
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def _key_of(program: Path, function: str) -> str:
    specification = importlib.util.spec_from_file_location("run_programs", _RUNNER)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    key: str = module.instrumentation_key(program.stem, function)
    return key


def _functions_of(program: Path, **variables: str) -> _Make:
    """Return what runs a file's functions one by one."""
    # Here, for Python 3.11 parses in one thread at a time only: two that do it at once raise SystemError now and then.
    functions = {_key_of(program, function): function for function in _functions(program)}

    def make(python: Path | str, endpoint: LocalEndpoint, folder: Path) -> Arrived:
        output = folder / "told.json"
        _, errors = _finish(_start([python, _RUNNER, program, endpoint.url, output], endpoint, folder, variables))
        return _arrived(endpoint, functions, json.loads(output.read_text(encoding="utf-8")), errors)

    return make


def _whole(program: Path) -> _Make:
    """Return what runs a program as its owner does."""

    def make(python: Path | str, endpoint: LocalEndpoint, folder: Path) -> Arrived:
        printed, errors = _finish(_start([python, program], endpoint, folder, {}))
        return _arrived(endpoint, {endpoint.instrumentation_key: program.stem}, {program.stem: {"printed": printed}}, errors)

    return make


def _together(*files: Path, answers: tuple[str, ...]) -> Callable[[Path | str, LocalEndpoint, Path], Arrived]:
    """Return what runs services and, as the last file, their client: each is told where the one before it listens."""

    def run(python: Path | str, endpoint: LocalEndpoint, folder: Path) -> Arrived:
        with ExitStack() as stack:
            services, told, errors = [], (), ""
            for file, requests in zip(files, answers, strict=False):
                service = stack.enter_context(_start([python, file, "0", requests, *told], endpoint, folder, {}))
                stack.callback(service.kill)
                assert service.stdout is not None
                told = (service.stdout.readline().split()[-1],)
                services.append(service)
            for process in (_start([python, files[-1], *told], endpoint, folder, {}), *services):
                errors += _finish(process)[1]
        return _arrived(endpoint, {endpoint.instrumentation_key: "pair"}, {"pair": {}}, errors)

    return run


_ID = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_OLDEST = timedelta(hours=1, minutes=5)
_REPLACED = (
    (re.compile(r"(\d+\.\d\d:\d\d):\d\d\.\d{3}"), r"<\1 and less than a minute>"),
    (re.compile(r"\b0x[0-9a-f]{6,}"), "<address>"),
    (re.compile(r"(http://)?127\.0\.0\.1:\d+"), r"\1<endpoint>"),
    (re.compile(r"\('127\.0\.0\.1', \d+\)"), "<address of a connection>"),
    (re.compile(r"/[^\s\"]*/(site-packages|lib/python3\.\d+)/"), "<packages>/"),
    # Where in a library a function stands, and its line, are its release's.
    (re.compile(r'(File "<packages>/[^"]*"), line \d+(, in [^\n]*)(?:\n {4,}[^\n]*)*'), r"\1\2"),
    # In Python 3.14 two functions of a pool have that name, one above the other.
    (re.compile(r'(  File "<packages>/concurrent/futures/thread.py", in run\n+)\1'), r"\1"),
    # Newer interpreters mark the place in a line of a traceback, and older ones say otherwise that an exception has no text.
    (re.compile(r"\n +[~^]+(?=\n)"), ""),
    (re.compile(r"<exception str\(\) failed>"), "<unprintable Broken object>"),
    (re.compile(r"(stack_?trace_?hash_?id\W+)\d+", re.IGNORECASE), r"\1<hash>"),
)


class _Normal:
    """One function's envelopes and texts, with everything that differs from run to run checked and replaced.

    Args:
        envelopes: In order of time.
        told: What the function returned and printed.
        source: The program's text: ids that stand in it are not random, and stay.
        ended: When the program had ended.
    """

    def __init__(self, envelopes: list[dict[str, Any]], told: dict[str, Any], source: str, ended: datetime) -> None:
        self._ended = ended
        self._names = {found: found for found in _ID.findall(source)}
        seen: Counter[str] = Counter()
        labels = []
        for envelope in envelopes:
            base = envelope["data"]["baseData"]
            (point,) = base.get("metrics", [{}])
            name = point["name"][:64] if point else str(base.get("name", base.get("message", "")))[:24]
            if name.startswith("\\"):
                # What machine, process and clock say.
                point["value"] = f"<measured {type(point['value']).__name__}>"
            if "/site-packages/" in str(base.get("properties", {}).get("fileName")):
                base["properties"]["lineNumber"] = "<line in a library>"
            label = f"{envelope['data']['baseType'].removesuffix('Data')} {name!r}"
            seen[label] += 1
            labels.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
            if "ai.operation.id" in envelope["tags"]:
                self._names.setdefault(envelope["tags"]["ai.operation.id"], f"<trace of {labels[-1]}>")
            if "id" in base:
                self._names.setdefault(base["id"], f"<id of {labels[-1]}>")
        self.items = {label: dict(self._fields(envelope)) for label, envelope in zip(labels, envelopes, strict=True)}
        self.told = {key: self._value(value) for key, value in told.items()}

    def _fields(self, value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
        """Yield the leaves with their paths; a property is a leaf, whatever its type."""
        inside = None
        if not path.rpartition("/")[0].endswith("/properties"):
            inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if not inside:
            yield path, self._value(value)
            return
        for key, part in inside:
            yield from self._fields(part, f"{path}/{key}" if path else str(key))

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._value(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._value(part) for part in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        text = _TIME.sub(lambda match: self._time(match[0]), text)
        for pattern, replacement in _REPLACED:
            text = pattern.sub(replacement, text)
        return _ID.sub(lambda match: self._names.setdefault(match[0], f"<other id {len(self._names)}>"), text)

    def _time(self, text: str) -> str:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        return "<time>" if self._ended - _OLDEST <= moment <= self._ended else text


def _differences(old: Arrived, new: Arrived, source: str) -> list[Difference]:
    found: list[Difference] = []
    for function in old.items:
        before, after = (_Normal(side.items[function], side.told[function], source, side.ended) for side in (old, new))
        for label in dict.fromkeys([*before.items, *after.items]):
            if label in before.items and label in after.items:
                found.extend(_fields_that_differ(f"{function} | {label} | ", before.items[label], after.items[label]))
            else:
                sides = [ITEM if label in side.items else ABSENT for side in (before, after)]
                found.append(Difference(f"{function} | {label}", *sides))
        found.extend(_fields_that_differ(f"{function} | told | ", dict(_lines(before.told)), dict(_lines(after.told))))
    return found


def _lines(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in told.items():
        parts = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else [value]
        yield from ((f"{key}/{number}", part) for number, part in enumerate(parts))


def _fields_that_differ(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for field in dict.fromkeys([*old, *new]):
        before, after = old.get(field, ABSENT), new.get(field, ABSENT)
        # As JSON: 1, 1.0 and true are not the same on the wire.
        if json.dumps(before) != json.dumps(after):
            yield Difference(f"{place}{field}", before, after)


def _explain(differences: list[Difference], *tests: str) -> None:
    """Fail with the differences that no rule of the given tests fits, and with the last one's rules that fit none."""
    rules = [*EVERYWHERE, *(rule for test in tests for rule in RULES.get(test, ()))]
    own = RULES.get(tests[-1], ()) if tests[-1] not in _MAY_BE_IDLE else ()
    told = [f"  {difference}" for difference in differences if not any(rule.fits(difference) for rule in rules)]
    idle = [f"  {rule}" for rule in own if not any(rule.fits(difference) for difference in differences)]
    text = "\n".join([*(["without a rule:", *told] if told else []), *(["rules that fit nothing:", *idle] if idle else [])])
    assert not text, f"\n{text}"


_MASKS = (
    (re.compile(r"(?<=127\.0\.0\.1:)\d+"), "<port>"),
    (re.compile(r"\('127\.0\.0\.1', \d+\)"), "<address of a connection>"),
    (re.compile(r"/[^\s\"]*/(site-packages|lib/python3\.\d+)/"), "<packages>/"),
    (re.compile(r"<exception str\(\) failed>"), "<unprintable Broken object>"),
)
_NOT_TOLD_APART = {
    "null-values": "the portal shows null and nothing alike",
    "unsampled-context": "it is a parent that did not arrive, as those of `log-correlation` may be",
}
"""Rows that a recording does not show as theirs."""


def _compared(old: Path, new: Path, test: str) -> list[str]:
    """Return what `census-compat compare` finds without a row of those that the test's rules name, and those rows that it does not find."""
    found = compare(old, new, known=STEPS["bridge"].accepted(), replacements=_MASKS)
    rows = {rule.row for rule in (*EVERYWHERE * bool(found.tables), *RULES.get(test, ()))} - {LIBRARY}
    shown = {difference.accepted.known for difference in found.differences if difference.accepted is not None}
    told = []
    for difference in found.open_differences:
        if difference.column == "customDimensions.lineNumber":
            # In a library each release has its own; `_differences` knows which are the program's.
            continue
        # An item that is paired with one of another resource stands for one that came or went.
        sides = ((ROW, compare_model.ABSENT, compare_model.PRESENT), (ROW, compare_model.PRESENT, compare_model.ABSENT))
        alike = [
            replace(difference, column=column, changes=(replace(difference.changes[0], before=before, after=after),))
            for column, before, after in sides
            if difference.column == "iKey"
        ]
        possible = {row for each in (difference, *alike) for row in STEPS["bridge"].suggested(each)} & rows
        shown |= possible
        if not possible:
            told += [
                f"{difference.table} {difference.column}: {change.before:.200} -> {change.after:.200}" for change in difference.changes
            ]
    elsewhere = {row.id for row in STEPS["bridge"].rows if row.elsewhere}
    return told + [f"not recognised: {row}" for row in sorted(rows - shown - elsewhere - _NOT_TOLD_APART.keys())]


def _sound(new: Arrived) -> None:
    """Fail if the endpoint refused any of our items, or if we told the program of an error."""
    assert not new.refused
    assert "Traceback" not in new.errors, new.errors


@pytest.mark.parametrize("program", sorted(_PROGRAMS.keys() - set(_OF_LIBRARIES)))
def test_envelopes(program: str, legacy_python: Path, tmp_path: Path) -> None:
    """A program's telemetry is that of the real SDK, but for the differences that the migration guide tells."""
    path = _PROGRAMS[program]
    old, new = _on_both(legacy_python, tmp_path, _functions_of(path))
    _sound(new)
    _explain(_differences(old, new, path.read_text(encoding="utf-8")), f"test_envelopes[{program}]")
    assert _compared(old.recording, new.recording, f"test_envelopes[{program}]") == []


@pytest.mark.parametrize(
    "program", [pytest.param(name, marks=[pytest.mark.threads_at_exit] * name.startswith("gevent_")) for name in _OF_LIBRARIES]
)
def test_libraries(program: str, legacy_python: Path, older_python: Path, tmp_path: Path) -> None:
    """A program on a library that OpenCensus traced by an integration is as on the real SDK, on the newest release of it and on the oldest."""
    path = _PROGRAMS[program]
    source = path.read_text(encoding="utf-8")
    old, *ours = _on_each([legacy_python, sys.executable, older_python], tmp_path, _functions_of(path))
    for new in ours:
        _sound(new)
    newest, oldest = (_differences(old, new, source) for new in ours)
    _explain(newest, f"test_envelopes[{program}]")
    assert _compared(old.recording, ours[0].recording, f"test_envelopes[{program}]") == []
    _explain(oldest, f"test_envelopes[{program}]", f"older[{program}]")


@pytest.mark.parametrize("program", _EXAMPLES)
def test_examples(program: str, legacy_python: Path, tmp_path: Path) -> None:
    """The example programs run the same on the real SDK, so they are what their owners would have written."""
    path = _EXAMPLES[program]
    old, new = _on_both(legacy_python, tmp_path, _whole(path))
    _sound(new)
    _explain(_differences(old, new, path.read_text(encoding="utf-8")), f"test_examples[{program}]")
    assert _compared(old.recording, new.recording, f"test_examples[{program}]") == []


def test_pair_of_processes(legacy_python: Path, tmp_path: Path) -> None:
    """A service and its client make one trace over two processes, as on the real SDK."""
    old, new = _on_both(legacy_python, tmp_path, _together(*_PAIR, answers=("2",)))
    _sound(new)
    _explain(_differences(old, new, ""), "test_pair_of_processes")
    assert len({envelope["tags"]["ai.operation.id"] for envelope in new.items["pair"]}) == 1
    assert len(new.items["pair"]) == 7


def test_services_on_frameworks(legacy_python: Path, tmp_path: Path) -> None:
    """A service on Flask with SQLAlchemy, and one on FastAPI that it calls, make the traces that they made on the real SDK."""
    old, new = _on_both(legacy_python, tmp_path, _together(*_SHOP, answers=("1", "2")))
    _sound(new)
    _explain(_differences(old, new, "\n".join(path.read_text(encoding="utf-8") for path in _SHOP)), "test_services_on_frameworks")
    assert len({envelope["tags"]["ai.operation.id"] for envelope in new.items["pair"]}) == 2
    assert len(new.items["pair"]) == 8


def test_environment(legacy_python: Path, tmp_path: Path) -> None:
    """A configured service name is the role, and a locale that is not known is absent."""
    old, new = _on_both(legacy_python, tmp_path, _functions_of(_PROGRAMS["threads"], OTEL_SERVICE_NAME="shop", LC_ALL="C"))
    _explain(_differences(old, new, ""), "test_envelopes[threads]", "test_environment")


def test_requests(legacy_python: Path, tmp_path: Path) -> None:
    """Requests hold more spans unless the program says how many, and are compressed."""
    old, new = _on_both(legacy_python, tmp_path, _functions_of(_PROGRAMS["batches"]))
    _explain(list(_fields_that_differ("", _facts(old), _facts(new))), "test_requests")


def _facts(arrived: Arrived) -> dict[str, Any]:
    first = arrived.requests[0]
    headers = {name: first.headers.get(name) for name in ("content-encoding", "user-agent", "authorization")}
    return {"sizes": sorted(request.items for request in arrived.requests), "path": first.path, **headers}


def test_one_trace_per_tracer(legacy_python: Path, tmp_path: Path) -> None:
    """The switch for one trace per tracer brings the real SDK's trace ids back."""
    program = _PROGRAMS["structure"]
    old, new = _on_both(legacy_python, tmp_path, _functions_of(program, OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER="1"))
    differences = _differences(old, new, program.read_text(encoding="utf-8"))
    of_roots = [found for found in differences if found.place.startswith("roots_of_one_tracer")]
    assert [found for found in of_roots if not any(rule.fits(found) for rule in EVERYWHERE)] == []


def _mutated(envelope: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """Return what becomes of an item: it is gone, there twice, or other in one place that a program may use."""
    changed = copy.deepcopy(envelope)
    base, tags = changed["data"]["baseData"], changed["tags"]
    properties = base.get("properties") or {}
    kind = chance.choice(
        ["gone", "twice", "name", "code", "success", "severity", "value", "type", "key", "role", "operation", "parent", "rate"]
    )
    name = next((key for key in ("name", "message") if key in base), None)
    if kind == "gone":
        return []
    if kind == "twice":
        return [envelope, changed]
    if kind == "name" and name is not None:
        base[name] = f"{base[name]} or other"
    elif kind == "code" and changed["data"]["baseType"] in ("RequestData", "RemoteDependencyData"):
        base["responseCode" if "responseCode" in base else "resultCode"] = "599"
    elif kind == "success" and "success" in base:
        base["success"] = not base["success"]
    elif kind == "severity" and "severityLevel" in base:
        base["severityLevel"] = 0 if base["severityLevel"] else 1
    elif kind in ("value", "type", "key") and properties:
        key = chance.choice(sorted(properties))
        value = properties.pop(key)
        properties[f"{key}_other" if kind == "key" else key] = (
            "other" if kind == "value" else value if kind == "key" else f"{value}" if not isinstance(value, str) else [value]
        )
    elif kind == "operation" and "ai.operation.id" in tags:
        tags["ai.operation.id"] = "f" * 32
    elif kind == "parent" and "ai.operation.parentId" in tags:
        tags["ai.operation.parentId"] = "f" * 16
    elif kind == "rate":
        changed["sampleRate"] = 12.5
    else:
        tags["ai.cloud.role"] = "other"
    return [changed]


def test_mutations_are_seen(legacy_python: Path, tmp_path: Path) -> None:
    """Of thirty seeded changes of what arrives, `census-compat compare` sees each that is seen here field by field."""
    program = _PROGRAMS["structure"]
    test, source = "test_envelopes[structure]", program.read_text(encoding="utf-8")
    functions = {_key_of(program, function): function for function in _functions(program)}
    old, new = _on_both(legacy_python, tmp_path, _functions_of(program))
    with closing(sqlite3.connect(new.recording)) as recording:
        sent = [json.loads(text) for (text,) in recording.execute("SELECT envelope FROM envelopes ORDER BY number")]
    rules = (*EVERYWHERE, *RULES[test])
    outcomes = Counter[tuple[bool, bool]]()
    for seed in range(30):
        chance = random.Random(seed)
        place = chance.randrange(len(sent))
        envelopes = [*sent[:place], *_mutated(sent[place], chance), *sent[place + 1 :]]
        file = tmp_path / f"mutated-{seed}.db"
        store = Store(file)
        store.add([Accepted(number, row(each, number), json.dumps(each), ()) for number, each in enumerate(envelopes, 1)], [])
        store.close()
        items: dict[str, list[dict[str, Any]]] = {function: [] for function in functions.values()}
        for each in sorted(copy.deepcopy(envelopes), key=lambda each: (each["time"], each["name"])):
            items[functions[each.pop("iKey")]].append(each)
        before = {function: copy.deepcopy(found) for function, found in old.items.items()}
        differences = _differences(old._replace(items=before), new._replace(items=items), source)
        fails_here = any(not any(rule.fits(difference) for rule in rules) for difference in differences)
        outcomes[fails_here, bool(_compared(old.recording, file, test))] += 1
    assert outcomes[True, False] == 0, outcomes
    assert outcomes[True, True] >= 20, outcomes


def _rows() -> dict[str, str]:
    """Return the ids of the rows with the test that each names."""
    details = _GUIDE.read_text(encoding="utf-8").partition("\n## Items in detail\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^### ([\w-]+)$.*?^- Test: `([^`]+)`$", details, re.MULTILINE | re.DOTALL))


def test_rows_have_rules() -> None:
    """Every row of the migration guide's table is shown by the test that it names, and every rule has a row."""
    rows = _rows()
    by_test = {test: {rule.row for rule in (*EVERYWHERE, *rules)} for test, rules in RULES.items()}
    assert {row: test for row, test in rows.items() if row not in by_test.get(test, ())} == {}
    assert {rule.row for rules in (EVERYWHERE, *RULES.values()) for rule in rules} - rows.keys() == {LIBRARY}
    assert [test for test, rules in RULES.items() for rule in rules if rule.row == LIBRARY and not test.startswith("older[")] == []


def test_rules_have_tests() -> None:
    """Rules belong to tests that exist."""
    parametrized = {f"{test}[{name}]" for test in ("test_envelopes", "older") for name in _PROGRAMS} | {
        f"test_examples[{name}]" for name in _EXAMPLES
    }
    assert [test for test in RULES if test not in parametrized and test not in globals()] == []
