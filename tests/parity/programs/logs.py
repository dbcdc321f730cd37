"""Log records: levels, messages, arguments, formats, dimensions, handlers."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import logging
import types
import uuid

from opencensus.ext.azure.log_exporter import AzureLogHandler

NO_TRACE, NO_SPAN = "00000000000000000000000000000000", "0000000000000000"


def _logger(name, handler=None, level=logging.DEBUG, **options):
    logger = logging.getLogger("logs." + name)
    logger.propagate = False
    logger.setLevel(level)
    logger.addHandler(handler or AzureLogHandler(**options))
    return logger


def levels():
    """The standard levels, by method and by number."""
    logger = _logger("levels")
    logger.debug("at debug")
    logger.info("at info")
    logger.warning("at warning")
    logger.error("at error")
    logger.critical("at critical")
    logger.log(logging.INFO, "at 20")


def levels_between():
    """Numbers without a name, and one with a name of the program's."""
    logging.addLevelName(25, "NOTICE")
    logger = _logger("between", level=1)
    for number in (1, 9, 11, 21, 25, 31, 41, 49):
        logger.log(number, "at %d", number)


def levels_above():
    """Numbers above CRITICAL, which the service does not know."""
    logger = _logger("above")
    for number in (51, 60, 100):
        logger.log(number, "at %d", number)


def logger_level():
    """The logger's level decides."""
    logger = _logger("logger_level", level=logging.WARNING)
    logger.info("too low")
    logger.warning("high enough")


def handler_level():
    """So does the handler's."""
    handler = AzureLogHandler()
    handler.setLevel(logging.ERROR)
    logger = _logger("handler_level", handler)
    logger.warning("too low")
    logger.error("high enough")


class _Refusing(AzureLogHandler):
    def filter(self, record):
        return super().filter(record) and "noise" not in record.getMessage()


def handler_that_filters():
    """A handler with a `filter` of its own."""
    logger = _logger("filters_itself", _Refusing())
    logger.warning("noise")
    logger.warning("signal")


def handler_filter():
    """And its filters, which may also change the record."""

    class Filter(logging.Filter):
        def filter(self, record):
            record.custom_dimensions = {"tenant": "t7"}
            return "secret" not in record.getMessage()

    handler = AzureLogHandler()
    handler.addFilter(Filter())
    logger = _logger("handler_filter", handler)
    logger.warning("a secret")
    logger.warning("no such thing is left out? %s", "a secret")
    logger.warning("all can read this")


def filters_removed():
    """A program that empties the list of filters."""
    handler = AzureLogHandler(logging_sampling_rate=0.0)
    handler.filters = []
    _logger("filters_removed", handler).warning("kept all the same")


def arguments():
    """Arguments of messages."""
    logger = _logger("arguments")
    logger.warning("%s of %d, %.2f, %r", "two", 3, 1.005, "q")
    logger.warning("%(sku)s: %(count)d", {"sku": "A1", "count": 2})
    logger.warning("100 % sure")
    logger.warning("a list: %s", [1, {"a": None}])
    logger.warning("none: %s", None)


def messages():
    """Messages that are no text."""
    logger = _logger("messages")
    logger.warning(404)
    logger.warning({"sku": "A1"})
    logger.warning(ValueError("no stock"))
    logger.warning("äöü €\u2028 \U0001f680")
    logger.warning("two\nlines")


def empty_messages():
    """Messages without text."""
    logger = _logger("empty")
    logger.warning("")
    logger.error("   ")
    logger.critical(None)


def argument_that_changes():
    """What is logged is what the argument was when it was logged."""
    logger = _logger("changes")
    basket = ["kettle"]
    logger.warning("basket %s", basket)


def long_message():
    """More than the service takes."""
    _logger("long").warning("m" * 40000)


def formatter():
    """A formatter of the handler."""
    handler = AzureLogHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s [%(name)s] %(funcName)s:%(lineno)d %(message)s"))
    _logger("formatter", handler).warning("stock of %s", "kettles")


def formatter_styles():
    """Formats in the other styles."""
    for style, format in (("{", "{levelname:>8}|{message}"), ("$", "$levelname $message")):
        handler = AzureLogHandler()
        handler.setFormatter(logging.Formatter(format, style=style))
        _logger("styles" + style, handler).warning("styled")


def formatter_class():
    """A formatter class of the program's own."""

    class Upper(logging.Formatter):
        def format(self, record):
            return record.getMessage().upper() + " #" + getattr(record, "ticket", "-")

    handler = AzureLogHandler()
    handler.setFormatter(Upper())
    logger = _logger("formatter_class", handler)
    logger.warning("quiet")
    logger.warning("loud", extra={"ticket": "77"})


def dimensions():
    """Properties of the program's own, of JSON's plain types."""
    _logger("dimensions").warning(
        "dimensions",
        extra={"custom_dimensions": {"text": "v", "int": 3, "negative": -1, "float": 1.5, "true": True, "false": False, "empty": ""}},
    )


def dimensions_none():
    """A property that is None."""
    _logger("dimensions_none").warning("with none", extra={"custom_dimensions": {"missing": None, "there": "x"}})


def dimensions_structured():
    """Properties that hold others."""
    _logger("structured").warning(
        "structured",
        extra={"custom_dimensions": {"list": [1, "a", None], "dict": {"sku": "A1", "n": [1, 2]}, "tuple": (1, 2), "empty": []}},
    )


def dimensions_other():
    """Properties of other types."""

    class Colour(enum.Enum):
        RED = "red"

    _logger("other").warning(
        "other types",
        extra={
            "custom_dimensions": {
                "decimal": decimal.Decimal("1.50"),
                "time": datetime.datetime(2024, 2, 29, 12, 30),
                "date": datetime.date(2024, 2, 29),
                "uuid": uuid.UUID(int=7),
                "enum": Colour.RED,
                "bytes": b"raw",
                "set": {7},
                "complex": 1j,
                "class": int,
            }
        },
    )


class _Rendering(logging.Formatter):
    """Makes text of messages that are dicts, as formatters of structured logging do: on a copy, or on the record itself."""

    def __init__(self, copies):
        super().__init__("%(levelname)s %(message)s")
        self.copies = copies

    def format(self, record):
        if self.copies:
            record = logging.makeLogRecord(record.__dict__)
        if isinstance(record.msg, dict):
            record.msg, record.args = " ".join("%s=%s" % pair for pair in sorted(record.msg.items())), ()
        return super().format(record)


class _Showing(logging.Formatter):
    """Shows what a record has beside the standard library's fields, as formatters to JSON do."""

    usual = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record):
        return "%s %s" % (record.getMessage(), sorted(set(vars(record)) - self.usual))


def formatters_of_structured_logging():
    """Formatters that render dicts, and one that shows a record's fields; with arguments that can change."""
    for name, formatter in (("copy", _Rendering(True)), ("itself", _Rendering(False)), ("fields", _Showing())):
        handler = AzureLogHandler()
        handler.setFormatter(formatter)
        logger = _logger("structured.%s" % name, handler)
        logger.warning({"event": name, "n": [1]})
        logger.warning("%s of %s", name, [1, 2])
        logger.warning("with fields", extra={"sku": "A1"})
        try:
            raise LookupError(name)
        except LookupError:
            logger.exception({"event": name})


class _State(str, enum.Enum):
    OPEN = "open"


class _Size(enum.IntEnum):
    BIG = 3


class _Weight(float):
    def __str__(self):
        return "heavy"


def dimensions_enumerations():
    """Members of enumerations whose members are texts and numbers, as values and keys."""
    logger = _logger("enumerations")
    logger.warning("members", extra={"custom_dimensions": {"state": _State.OPEN, "size": _Size.BIG, "weight": _Weight(1.5)}})
    logger.warning("inside", extra={"custom_dimensions": {"states": [_State.OPEN, _Size.BIG], _State.OPEN: 1}})


def dimensions_reserved():
    """Keys that mean something in OpenTelemetry or inside this package; one record for each key, with and without an exception."""
    logger = _logger("reserved")
    for key in (
        "_MS.sampleRate",
        "ai.operation.name",
        "census.level",
        "census.properties",
        "census.trace_id",
        "code.file.path",
        "code.line.number",
        "exception.message",
        "exception.stacktrace",
        "exception.type",
        "microsoft.custom_event.name",
        "microsoft.custom_measurements",
        "thread.name",
    ):
        logger.warning(key, extra={"custom_dimensions": {key: 7, "other": "x"}})
        try:
            raise LookupError(key)
        except LookupError:
            logger.exception(key, extra={"custom_dimensions": {key: "mine"}})


def dimensions_override():
    """Properties with the names of the handler's own."""
    _logger("override").warning("override", extra={"custom_dimensions": {"process": "mine", "level": "LOUD", "lineNumber": "none"}})


def dimensions_mappings():
    """Mappings that are no dicts, and dicts of other classes."""
    logger = _logger("mappings")
    logger.warning("ordered", extra={"custom_dimensions": collections.OrderedDict(a="1")})
    logger.warning("proxy", extra={"custom_dimensions": types.MappingProxyType({"a": "1"})})
    logger.warning("chain", extra={"custom_dimensions": collections.ChainMap({"a": "1"})})
    logger.warning("text", extra={"custom_dimensions": "a=1"})
    logger.warning("list", extra={"custom_dimensions": [("a", "1")]})
    logger.warning("nothing", extra={"custom_dimensions": None})
    logger.warning("empty", extra={"custom_dimensions": {}})


def dimensions_keys():
    """Keys that are no text."""
    _logger("keys").warning("keys", extra={"custom_dimensions": {1: "one", None: "none", True: "true", "": "empty"}})


def half_of_a_pair():
    """Text with half of a surrogate pair, as file names that are no UTF-8 have it, and a number of more than 64 bits."""
    _logger("half").warning("half of a pair", extra={"custom_dimensions": {"name": "caf\udce9", "huge": 2**70}})


def dimensions_shared():
    """One dict for several records."""
    logger = _logger("shared")
    extra = {"custom_dimensions": {"n": 1}}
    logger.warning("first", extra=extra)
    logger.warning("second", extra=extra)


def dimensions_long():
    """Values and keys longer than the service takes."""
    _logger("long_dimensions").warning("long", extra={"custom_dimensions": {"long": "v" * 9000, "k" * 200: "key"}})


def dimensions_as_arguments():
    """A dict as the only argument of the message, as some programs pass dimensions."""
    _logger("as_arguments").warning("action", {"custom_dimensions": {"a": "1"}})


def extra_keys():
    """Keys of `extra` beside the dimensions."""
    _logger("extra_keys").warning(
        "extra", extra={"sku": "A1", "count": 2, "custom_dimensions": {"own": "1"}, "custom_measurements": {"m": 1}}
    )


def extra_ids():
    """Ids that the program puts on records itself."""
    logger = _logger("extra_ids")
    logger.warning("both", extra={"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"})
    logger.warning("trace", extra={"traceId": "0af7651916cd43dd8448eb211c80319c"})


def extra_ids_of_another_form():
    """Ids that are no hexadecimal digits, as of a system of the program's own."""
    logger = _logger("extra_ids_of_another_form")
    logger.warning("both", extra={"traceId": "order-7", "spanId": "line-1"})


def adapter():
    """A LoggerAdapter's dimensions."""
    logger = logging.LoggerAdapter(_logger("adapter"), {"custom_dimensions": {"tenant": "t7"}})
    logger.warning("adapted")
    logger.warning("its own win", extra={"custom_dimensions": {"call": "1"}})


def stack_info():
    """The stack of a call is part of the message."""
    _logger("stack_info").warning("here", stack_info=True)


def stack_level():
    """The caller's place."""

    def helper(logger):
        logger.warning("for my caller", stacklevel=2)

    helper(_logger("stack_level"))


def child_loggers():
    """Records of child loggers."""
    parent = _logger("parent")
    logging.getLogger("logs.parent.child").warning("from below")
    logging.getLogger("logs.parent.child.grandchild").error("from further below")
    parent.warning("from itself")


def handled_by_hand():
    """Records that the program makes."""
    logger = _logger("by_hand")
    logger.handle(logging.makeLogRecord({"msg": "made", "levelno": 40, "levelname": "ERROR", "pathname": "/srv/app.py", "lineno": 7}))
    handler = logger.handlers[0]
    handler.handle(logging.LogRecord("other", logging.INFO, "/srv/app.py", 8, "given to the handler, %s", ("directly",), None))
    handler.emit(logging.LogRecord("other", logging.INFO, "/srv/app.py", 9, "emitted", (), None))


def process_and_thread_names():
    """The name of the process is a property."""
    logger = _logger("names")
    record = logging.LogRecord("other", logging.INFO, "/srv/app.py", 8, "renamed", (), None)
    record.processName = "worker-1"
    record.threadName = "thread-1"
    logger.handle(record)


def processors():
    """Telemetry processors change and drop envelopes."""
    handler = AzureLogHandler()

    def change(envelope):
        envelope.tags["ai.cloud.role"] = "orders"
        envelope.data.baseData.properties["build"] = "b1"
        envelope.data.baseData.message += "!"

    def drop(envelope):
        return "health" not in envelope.data.baseData.message

    def fail(envelope):
        raise ValueError(envelope)

    for processor in (change, drop, fail):
        handler.add_telemetry_processor(processor)
    logger = _logger("processors", handler)
    logger.warning("kept")
    logger.warning("health check")


def subclass_envelope():
    """A subclass that adds to the envelope."""

    class Handler(AzureLogHandler):
        def log_record_to_envelope(self, record):
            envelope = super().log_record_to_envelope(record)
            envelope.data.baseData["properties"]["logger"] = record.name
            envelope.tags["ai.user.id"] = "u1"
            return envelope

    _logger("subclass", Handler()).warning("enriched", extra={"custom_dimensions": {"list": [1, {"a": 2}]}})


def subclass_emit():
    """A subclass that lets some records through."""

    class Handler(AzureLogHandler):
        def emit(self, record):
            if not record.getMessage().startswith("noise"):
                super().emit(record)

    logger = _logger("subclass_emit", Handler())
    logger.warning("noise")
    logger.warning("signal")


def subclass_queue():
    """A subclass that uses the queue."""

    class Handler(AzureLogHandler):
        def emit(self, record):
            record.custom_dimensions = {"queued": "yes"}
            self._queue.put(record, block=False)

    handler = Handler()
    _logger("subclass_queue", handler).warning("put")
    handler._queue.flush(timeout=10)


def sampling():
    """Rates of which the outcome is known."""
    _logger("rate_0", logging_sampling_rate=0.0).warning("never")
    _logger("rate_1", logging_sampling_rate=1.0).warning("always")
    told = []
    for rate in (-0.1, 1.1):
        try:
            AzureLogHandler(logging_sampling_rate=rate)
        except ValueError as error:
            told.append(str(error).startswith("Sampling must be in the range: [0,1]"))
    return told


def two_handlers():
    """Two handlers of one resource on two loggers."""
    _logger("one").warning("through one")
    _logger("two").warning("through two")


def flushed_and_closed():
    """Flushing and closing, twice."""
    handler = AzureLogHandler()
    logger = _logger("closed", handler)
    logger.warning("before the flush")
    handler.flush()
    logger.warning("before the end")
    handler.flush(timeout=5)
    logger.removeHandler(handler)
    handler.close()
    handler.close()
    handler.flush()


def attributes():
    """What a handler tells of itself."""
    handler = AzureLogHandler(export_interval=3.0, max_batch_size=7, queue_capacity=9)
    _logger("attributes", handler)
    return [
        handler.export_interval,
        handler.max_batch_size,
        handler.options.queue_capacity,
        handler.options.logging_sampling_rate,
        [type(found).__name__ for found in handler.filters],
        handler.filters[0].probability,
        handler.level,
        handler.lock is None,
        handler.name,
    ]


def bad_key():
    """A key that is none."""
    try:
        AzureLogHandler(connection_string="InstrumentationKey=none")
    except ValueError:
        return "refused"


def no_sampler_argument():
    """Keywords that are no options."""
    _logger("keywords", AzureLogHandler(level_of_detail="high")).warning("made all the same")
