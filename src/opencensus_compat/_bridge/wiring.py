"""The one home of global state: which providers telemetry goes to, and which destinations exist.

A *destination* is an Application Insights resource: instrumentation key, ingestion endpoint and credential. Legacy handles share it, and
it owns one exporter for each signal, with the SDK's batch processor in front of it. Nothing here starts a thread, opens a file or a
connection before the first span ends, or the first record is logged.

The OpenTelemetry SDK is imported when a provider is needed for the first time, so that importing the facade stays cheap.

Other modules find here what they may use. It is at home, from the top down, in

* `lifecycle`: what programs call: `configure`, `flush`, `shutdown`;
* `spans`, `logs`, `metrics`: each signal's provider, and how telemetry gets into it;
* `providers`: what the signals have in common there, and providers that an application sets late;
* `ending`: how what waits is sent, and the end of the process; `sigterm`: the end by that signal, for those who ask;
* `destinations`: which there are;
* `whose`: whose telemetry it is, the rule for what is sent there;
* `settings`: what environment variables say;
* `state`: all that is remembered, its locks and what a fork does to them, and telling the user.
"""

from __future__ import annotations

from opencensus_compat._bridge import environment as _environment  # noqa: F401 - before anything of OpenTelemetry is imported
from opencensus_compat._bridge.pipeline.destinations import destination
from opencensus_compat._bridge.pipeline.ending import (
    end_logs,
    ending_process,
    flush_at_shutdown,
    flush_logs,
    flush_parts,
    is_ending,
    is_worker,
    shut_down_parts,
)
from opencensus_compat._bridge.process import LOGS, METRICS, SCOPE, SPANS, process, report, tell_once
from opencensus_compat._bridge.providers.lifecycle import configure, flush, reset, shutdown
from opencensus_compat._bridge.providers.logs import default_logs, hand_over, log_destination, log_router
from opencensus_compat._bridge.providers.metrics import (
    adopt_meters,
    expect_meter_provider,
    gauge_added,
    look_for_meter_provider,
    metrics_told,
    producer_added,
    provide_meters,
    watch_meter_providers,
)
from opencensus_compat._bridge.providers.spans import (
    be_request,
    default_spans,
    end_span,
    ending_span,
    ends_in_pipeline,
    look_for_tracer_provider,
    on_tracer_provider,
    others_send,
    parent_handle,
    provider_is_gone,
    rate_of,
    replace_span,
    sample_rate,
    set_kind,
    span_part,
    start_span,
)
from opencensus_compat._bridge.settings import (
    ONE_TRACE_VARIABLE,
    default_role,
    has_no_effect,
    one_trace_per_tracer,
    resource_attribute,
    said,
    sends_directly,
    shim_is_used,
    use_shim,
)
from opencensus_compat._bridge.whose import is_ours

__all__ = [
    "LOGS",
    "METRICS",
    "ONE_TRACE_VARIABLE",
    "SCOPE",
    "SPANS",
    "adopt_meters",
    "be_request",
    "configure",
    "default_logs",
    "default_role",
    "default_spans",
    "destination",
    "end_logs",
    "end_span",
    "ending_process",
    "ending_span",
    "ends_in_pipeline",
    "expect_meter_provider",
    "flush",
    "flush_at_shutdown",
    "flush_logs",
    "flush_parts",
    "gauge_added",
    "hand_over",
    "has_no_effect",
    "is_ending",
    "is_ours",
    "is_worker",
    "log_destination",
    "log_router",
    "look_for_meter_provider",
    "look_for_tracer_provider",
    "metrics_told",
    "on_tracer_provider",
    "one_trace_per_tracer",
    "others_send",
    "parent_handle",
    "process",
    "producer_added",
    "provide_meters",
    "provider_is_gone",
    "rate_of",
    "replace_span",
    "report",
    "reset",
    "resource_attribute",
    "said",
    "sample_rate",
    "sends_directly",
    "set_kind",
    "shim_is_used",
    "shut_down_parts",
    "shutdown",
    "span_part",
    "start_span",
    "tell_once",
    "use_shim",
    "watch_meter_providers",
]
