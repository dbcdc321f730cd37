"""Handlers that send what the standard library logs."""

from __future__ import annotations

import gc
import logging
import logging.config
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from appinsights_exporter import (
    ApplicationInsightsEventHandler,
    ApplicationInsightsLoggingHandler,
    ApplicationInsightsSampler,
    ConfigurationError,
)
from appinsights_exporter.sampling import sampling_score
from opencensus_compat.local import LocalEndpoint

CLASS = "appinsights_exporter.ApplicationInsightsLoggingHandler"


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def logger():
    """A logger that no other handler hears."""
    made = logging.Logger("shop.orders", logging.DEBUG)  # noqa: LOG001 -- pytest's handlers hear all others
    yield made
    for handler in list(made.handlers):
        made.removeHandler(handler)
        handler.close()


@pytest.fixture
def handler(endpoint, logger):
    """Return a function that adds a handler of a class, with options."""

    def add(kind=ApplicationInsightsLoggingHandler, **options):
        made = kind(endpoint.connection_string, **options)
        logger.addHandler(made)
        return made

    return add


def sent(endpoint, handler, table="traces"):
    """Return the rows of a table after a flush."""
    handler.flush()
    return endpoint.rows(table)


def test_a_message_has_its_place_level_and_dimensions(endpoint, logger, handler):
    """The text is the formatter's, and of `extra` the custom dimensions become properties as they were then."""
    made = handler()
    made.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    basket = {"size": 2, "kinds": ["tea"], "none": None, "who": object}
    logger.warning("late by %d min", 5, extra={"custom_dimensions": basket, "other": 1})
    basket["size"] = 3
    (row,) = sent(endpoint, made)
    assert (row["message"], row["severityLevel"]) == ("shop.orders: late by 5 min", 2)
    properties = row["customDimensions"]
    assert {key: value for key, value in properties.items() if not key.startswith("code.")} == {
        "size": "2",
        "kinds": '["tea"]',
        "who": "<class 'object'>",
        "logger_name": "shop.orders",
    }
    assert properties["code.file.path"] == __file__
    assert properties["code.function.name"] == "test_a_message_has_its_place_level_and_dimensions"


def test_every_extra_is_sent_to_those_who_ask(endpoint, logger, handler):
    """With `extras`, each extra is a property, as with OpenTelemetry's own handler."""
    made = handler(extras=True)
    logger.info("taken", extra={"order": 5})
    assert sent(endpoint, made)[0]["customDimensions"]["order"] == "5"


def test_a_record_belongs_to_the_current_span(endpoint, logger, handler):
    """Operation and parent are those of the span that is current where it is logged."""
    made = handler()
    with TracerProvider().get_tracer("shop").start_as_current_span("order") as span:
        logger.info("inside")
    ids = span.get_span_context()
    (row,) = sent(endpoint, made)
    assert (row["operation_Id"], row["operation_ParentId"]) == (trace.format_trace_id(ids.trace_id), trace.format_span_id(ids.span_id))


def test_an_exception_is_sent_with_its_causes(endpoint, logger, handler):
    """An exception has its frames and those of its cause; without a traceback the message is only that."""
    made = handler()
    try:
        try:
            raise KeyError("tea")
        except KeyError as error:
            raise ValueError("no such item") from error
    except ValueError:
        logger.exception("cannot take the order")
    logger.error("outside", exc_info=True)  # noqa: LOG014 -- programs do
    logger.error("given", exc_info=ValueError("by hand"))
    rows = sent(endpoint, made, "exceptions")
    first = next(row for row in rows if row["outerType"] == "ValueError" and "cannot" in row["outerMessage"])
    assert [each["typeName"] if "typeName" in each else each["type"] for each in first["details"]] == ["ValueError", "KeyError"]
    assert first["details"][0]["parsedStack"][0]["method"] == "test_an_exception_is_sent_with_its_causes"
    assert sorted(row["outerMessage"] for row in rows) == ["cannot take the order", "given", "outside"]


def test_events_have_names_properties_and_measurements(endpoint, logger, handler):
    """A record of the other handler is a custom event, named by its text."""
    made = handler(ApplicationInsightsEventHandler)
    logger.info("ordered", extra={"custom_dimensions": {"item": "tea"}, "custom_measurements": {"size": 2}})
    logger.info("")
    first, second = sent(endpoint, made, "customEvents")
    assert (first["name"], first["customDimensions"]["item"], first["customMeasurements"]) == ("ordered", "tea", {"size": 2})
    assert second["name"] == "n/a"


def test_telemetry_processors_see_each_item(endpoint, logger, handler):
    """A processor changes and drops items, as it did on OpenCensus's handlers."""
    made = handler()

    def look(envelope):
        envelope.tags["ai.cloud.role"] = "orders"
        return "secret" not in envelope.data.baseData.message

    made.add_telemetry_processor(look)
    logger.info("taken")
    logger.info("a secret")
    assert [(row["message"], row["cloud_RoleName"]) for row in sent(endpoint, made)] == [("taken", "orders")]
    made.clear_telemetry_processors()
    logger.info("a secret")
    assert len(sent(endpoint, made)) == 2


def test_what_cannot_be_read_harms_nobody(endpoint, logger, handler):
    """Arguments that do not fit, values without a text and a formatter that raises: the record arrives all the same."""

    class Mute:
        def __str__(self):
            raise RuntimeError("no text")

    made = handler()
    logger.info("%d of %d", "one")  # noqa: PLE1206 -- likewise
    logger.info("mute", extra={"custom_dimensions": {"mute": Mute(), "kept": 1}})
    rows = sent(endpoint, made)
    assert [row["message"] for row in rows] == ["%d of %d ('one',)", "mute"]
    assert rows[1]["customDimensions"]["kept"] == "1"


def test_handlers_are_made_by_name(endpoint):
    """DictConfig makes one of the class's name and options."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"named": {"format": "%(levelname)s %(message)s"}},
            "handlers": {
                "azure": {"class": CLASS, "connection_string": endpoint.connection_string, "level": "WARNING", "formatter": "named"}
            },
            "loggers": {"shop.orders": {"handlers": ["azure"], "propagate": False}},
        }
    )
    logger = logging.getLogger("shop.orders")
    logger.warning("late")
    (made,) = (each for each in logger.handlers if isinstance(each, ApplicationInsightsLoggingHandler))
    logger.removeHandler(made)
    logger.warning("later")
    assert [row["message"] for row in sent(endpoint, made)] == ["WARNING late"]
    made.close()


def test_threads_log_without_waiting_for_each_other(endpoint, logger, handler):
    """Each record of many threads arrives once, and a flush from a processor does not wait for itself."""
    made = handler()
    made.add_telemetry_processor(lambda _: made.flush())
    threads = [threading.Thread(target=lambda: [logger.info("%d", number) for number in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent(endpoint, made)) == 200


def test_a_closed_handler_has_sent_what_it_had(endpoint, logger, handler):
    """Closing sends what is queued, and the handler works on, as what dictConfig closes may stay in use."""
    made = handler(export_interval_millis=3_600_000)
    logger.info("taken")
    made.close()
    assert [row["message"] for row in endpoint.rows("traces")] == ["taken"]
    logger.info("later")
    assert [row["message"] for row in sent(endpoint, made)] == ["taken", "later"]


def test_a_handler_outlives_a_configuration_of_logging(endpoint, logger, handler):
    """DictConfig closes the handlers that there are; what they get later is sent, and nothing waits for logging's lock."""
    made = handler(export_interval_millis=3_600_000)
    logger.info("before")
    logging.config.dictConfig({"version": 1, "incremental": False, "disable_existing_loggers": False})
    logger.info("after")
    assert [row["message"] for row in sent(endpoint, made)] == ["before", "after"]


def test_the_thread_of_a_handler_ends_with_it(endpoint):
    """What a later dictConfig takes the place of leaves no thread behind."""
    before = set(threading.enumerate())
    made = ApplicationInsightsLoggingHandler(endpoint.connection_string)
    (worker,) = (each for each in set(threading.enumerate()) - before if "Batch" in each.name)
    made.close()
    del made
    gc.collect()
    worker.join(10)
    assert not worker.is_alive()


def test_a_record_that_meets_several_handlers_is_one_item(endpoint, logger, handler):
    """The first handler of a resource sends it; an event is another item."""
    first, second, events = handler(), handler(), handler(ApplicationInsightsEventHandler)
    second.setFormatter(logging.Formatter("second: %(message)s"))
    logger.info("one")
    logger.removeHandler(first)
    logger.info("two")
    first.flush()
    assert [row["message"] for row in sent(endpoint, second)] == ["one", "second: two"]
    assert [row["name"] for row in sent(endpoint, events, "customEvents")] == ["one", "two"]
    first.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"connection_string": "Nothing"}, "connection_string", id="connection string"),
        pytest.param(
            {"connection_string": "InstrumentationKey=00000000-0000-4000-8000-000000000001", "credential": 1}, "get_token", id="credential"
        ),
    ],
)
def test_bad_options_are_refused(options, said):
    """An option that cannot work is an error where the handler is made."""
    with pytest.raises(ConfigurationError, match=said):
        ApplicationInsightsLoggingHandler(**options)


@pytest.mark.parametrize("options", [{"queue_capacity": 0}, {"max_batch_size": 0}, {"export_interval_millis": -1}], ids=str)
def test_sizes_that_are_not_positive_are_refused(handler, options):
    """A queue, a batch or an interval of nothing is the SDK's error."""
    with pytest.raises(ValueError, match="must be"):
        handler(**options)


def test_batches_larger_than_the_queue_of_the_environment(handler, monkeypatch):
    """The queue has room for a batch, whatever the environment says."""
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "100")
    assert handler(max_batch_size=300) is not None


def test_a_small_queue(endpoint, logger, handler):
    """A queue that is smaller than the SDK's batches has smaller batches."""
    made = handler(queue_capacity=3)
    logger.warning("order 7")
    made.flush()
    assert endpoint.accepted == 1


@pytest.mark.parametrize(
    "options",
    [{"sampling_rate": 1.5}, {"sampling_rate": "1"}, {"sampling_rate": True}, {"sampling_exempt_level": "LOUD"}],
)
def test_a_share_that_is_none_is_refused(handler, options):
    """A rate beyond 0.0 to 1.0 and a level that nobody knows are refused by name."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        handler(**options)


@pytest.mark.parametrize("kind", [ApplicationInsightsLoggingHandler, ApplicationInsightsEventHandler])
def test_a_share_of_the_records_is_sent(endpoint, logger, handler, kind):
    """About that share of the records without a trace is sent, and each item says for how many it stands."""
    made = handler(kind, sampling_rate=0.25)
    for number in range(2000):
        logger.info("%d", number)
    rows = sent(endpoint, made, "traces" if kind is ApplicationInsightsLoggingHandler else "customEvents")
    assert 300 < len(rows) < 700
    assert {row["itemCount"] for row in rows} == {4}


def test_records_of_a_trace_are_sampled_together(endpoint, logger, handler):
    """Of a sampled trace all records are sent or none, and none of another trace; a level from which on all are sent knows no trace."""
    made = handler(sampling_rate=0.5, sampling_exempt_level="error")
    # The score of the first is below 0.5, that of the second above.
    for trace_id, flags in (
        (int("6e0c63257de34c92bf9efcd03927272e", 16), 1),
        (int("f" * 32, 16), 1),
        (int("6e0c63257de34c92bf9efcd03927272e", 16), 0),
    ):
        context = trace.SpanContext(trace_id, 1, is_remote=False, trace_flags=trace.TraceFlags(flags))
        with trace.use_span(trace.NonRecordingSpan(context)):
            for number in range(3):
                logger.info("%d of %s", number, sampling_score(trace_id) < 0.5)
            logger.error("always")
    rows = sent(endpoint, made)
    assert [row["message"] for row in rows if row["message"] != "always"] == [f"{number} of True" for number in range(3)]
    assert [row["itemCount"] for row in rows if row["message"] == "always"] == [1, 1, 1]


def test_records_have_the_rate_of_their_trace(endpoint, logger, handler):
    """Where a trace was kept at a lower rate than that of the handler, all of its records are sent, at that rate."""
    made = handler(sampling_rate=0.5)
    tracer = TracerProvider(sampler=ApplicationInsightsSampler(0.25)).get_tracer("shop")
    kept = 0
    while not kept:
        with tracer.start_as_current_span("order") as span:
            kept += span.is_recording()
            logger.info("in a span")
    assert [row["itemCount"] for row in sent(endpoint, made)] == [4]
