"""A record that meets a handler of OpenCensus and one of the exporter package, in a service of which a part is rewritten: sent once."""

from __future__ import annotations

import logging
import logging.handlers
import os
import queue
import threading

import pytest

from appinsights_exporter import ApplicationInsightsEventHandler, ApplicationInsightsLoggingHandler, claims
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

KINDS = {"facade": AzureLogHandler, "native": ApplicationInsightsLoggingHandler}
EVENTS = {"facade": AzureEventHandler, "native": ApplicationInsightsEventHandler}
ORDERS = [("facade", "native"), ("native", "facade"), ("native", "native")]


@pytest.fixture
def endpoint():
    """The resource."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def log():
    """A logger below another one, that no other handler hears."""
    parent = logging.Logger("shop", logging.DEBUG)  # noqa: LOG001 -- pytest's handlers hear all others
    made = logging.Logger("shop.orders", logging.DEBUG)  # noqa: LOG001
    made.parent = parent
    yield made
    for each in (made, parent):
        for handler in list(each.handlers):
            each.removeHandler(handler)
            handler.close()


@pytest.fixture
def handlers(endpoint, log):
    """Return a function that puts one handler of each of two kinds on the logger and its parent."""

    def add(order, kinds=KINDS, on=None):
        made = [kinds[name](connection_string=endpoint.connection_string) for name in order]
        for logger, handler in zip((log, on or log.parent), made, strict=True):
            logger.addHandler(handler)
        return made

    return add


def sent(endpoint, handlers, table="traces"):
    """Return the texts that arrived, in any order, when all handlers are flushed."""
    for handler in handlers:
        handler.flush()
    return sorted(row.get("message") or row.get("name") or row.get("outerMessage") for row in endpoint.rows(table))


def drop(_):
    """Let no record, and no item, pass."""
    return False


@pytest.mark.parametrize("order", ORDERS)
def test_a_record_is_sent_once(endpoint, log, handlers, order):
    """Whichever handler it meets first, on one logger or on two."""
    made = handlers(order)
    for number in range(3):
        log.warning("%d", number)
    assert sent(endpoint, made) == ["0", "1", "2"]
    log.propagate = False
    log.addHandler(made[1])
    log.warning("3")
    assert sent(endpoint, made) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("order", ORDERS[:2])
def test_an_event_is_sent_once(endpoint, log, handlers, order):
    """Beside the message that another pair of handlers makes of the record."""
    made = [*handlers(order, EVENTS), *handlers(order)]
    log.warning("taken")
    assert (sent(endpoint, made, "customEvents"), sent(endpoint, made)) == (["taken"], ["taken"])


@pytest.mark.parametrize("refusing", [0, 1])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("means", ["filter", "processor"])
def test_one_handler_refuses(endpoint, log, handlers, order, refusing, means):
    """What a filter or a telemetry processor of one handler drops, the other one sends."""
    made = handlers(order)
    if means == "filter":
        made[refusing].addFilter(drop)
    else:
        made[refusing].add_telemetry_processor(drop)
    log.warning("kept")
    # The one that drops it exports first: it has no claim to it.
    assert sent(endpoint, [made[refusing], made[1 - refusing]]) == ["kept"]


@pytest.mark.parametrize("order", ORDERS)
def test_both_handlers_have_processors(endpoint, log, handlers, order):
    """The first one that exports the record sends it, and nobody does where both drop it."""
    made = handlers(order)
    for handler in made:
        handler.add_telemetry_processor(lambda envelope: "secret" not in str(envelope.data.baseData))
    log.warning("kept")
    log.warning("secret")
    assert sent(endpoint, made) == ["kept"]


class Failing(AzureLogHandler):
    """Converts no record."""

    def log_record_to_envelope(self, record):
        """Raise what a conversion raises that does not fit."""
        raise LookupError(record.name)


def test_a_conversion_that_fails(endpoint, log, handlers):
    """The other handler sends the record, where that may drop some, too."""
    made = handlers(("facade", "native"), {**KINDS, "facade": Failing})
    made[1].add_telemetry_processor(lambda _: None)
    log.warning("kept")
    assert sent(endpoint, made) == ["kept"]


class Slotted(logging.LogRecord):
    """A record with a field in a slot."""

    __slots__ = ("basket",)


@pytest.mark.parametrize("order", ORDERS)
def test_records_of_a_class_and_through_a_queue(endpoint, log, handlers, order):
    """A record of a program's own class, and the copy that a queue brings to both handlers, are sent once."""
    made = handlers(order)
    record = Slotted("shop", logging.INFO, __file__, 1, "slots", (), None)
    for handler in made:
        handler.handle(record)
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    log.handlers, log.parent.handlers = [logging.handlers.QueueHandler(waiting)], []
    listener = logging.handlers.QueueListener(waiting, *made)
    listener.start()
    log.warning("queued")
    listener.stop()
    assert sent(endpoint, made) == ["queued", "slots"]


@pytest.mark.parametrize("order", ORDERS)
def test_many_threads_and_closed_handlers(endpoint, log, handlers, order):
    """Each record of several threads is sent once, also after both handlers were closed, and no claim is left of them."""
    made = handlers(order)
    threads = [threading.Thread(target=lambda: [log.info("%d", number) for number in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent(endpoint, made)) == 200
    for handler in made:
        handler.close()
    log.info("later")
    assert sent(endpoint, made).count("later") == 1
    assert not made[0]._sharers._claims


@pytest.mark.parametrize("order", ORDERS)
def test_two_resources(endpoint, log, order):
    """Each gets the record."""
    with LocalEndpoint() as other:
        made = [KINDS[name](connection_string=where.connection_string) for name, where in zip(order, (endpoint, other), strict=True)]
        for handler in made:
            log.addHandler(handler)
        log.warning("both")
        assert (sent(endpoint, made), sent(other, made)) == (["both"], ["both"])


def fail(log):
    """Log an exception, and raise it."""
    try:
        raise LookupError("kettle")
    except LookupError:
        log.exception("failed")
        raise


@pytest.mark.parametrize("order", ORDERS[:2])
def test_an_exception_of_a_record_and_its_span(endpoint, log, handlers, order):
    """One exception arrives: that of the record, whichever handler sends it."""
    made = handlers(order)
    tracer = Tracer(exporter=AzureExporter(connection_string=endpoint.connection_string), sampler=AlwaysOnSampler())
    with pytest.raises(LookupError), tracer.span("order"):
        fail(log)
    assert len(sent(endpoint, made, "exceptions")) == 1


def test_a_claim_that_is_being_settled():
    """Who logs never waits for another handler's telemetry processors: its own export decides then."""
    claim = claims.Claim()
    found = claim.settle("facade", lambda: [claim.take("native")])
    assert (found, claim.take("native"), claim.take("facade")) == ([None], False, True)
    assert claim.settle("native", lambda: ["never"]) == []


@pytest.mark.parametrize("drops", [True, False])
def test_a_record_that_is_logged_while_the_other_handler_decides(endpoint, handlers, drops):
    """It waits for the export of the second handler, which sends it where the first one has dropped it."""
    facade, native = handlers(("facade", "native"))
    record = logging.LogRecord("shop", logging.INFO, __file__, 1, "kept", (), None)

    def decide(_):
        thread = threading.Thread(target=native.handle, args=(record,))
        thread.start()
        thread.join()
        return not drops

    facade.add_telemetry_processor(decide)
    facade.handle(record)
    assert sent(endpoint, [facade, native]) == ["kept"]


def test_a_record_about_which_nothing_can_be_noted():
    """It has no claim."""
    assert claims.Sharers().claim(object()) is None


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_made_by_fork(endpoint, log, handlers):
    """It sends its own records once, and those of its parent not again."""
    made = handlers(("facade", "native"))
    log.warning("parent")
    child = os.fork()
    if child == 0:
        try:
            log.warning("child")
            for handler in made:
                handler.flush()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert sent(endpoint, made) == ["child", "parent"]
