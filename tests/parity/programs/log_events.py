"""Custom events."""

from __future__ import annotations

import decimal
import enum
import logging

from opencensus.ext.azure.log_exporter import AzureEventHandler

NO_TRACE, NO_SPAN = "00000000000000000000000000000000", "0000000000000000"


def _logger(name, handler=None):
    logger = logging.getLogger("events." + name)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler or AzureEventHandler())
    return logger


def plain():
    """An event without more."""
    logger = _logger("plain")
    logger.info("Order placed")
    logger.error("Order %s refused", "A-1001")


def with_dimensions():
    """Properties."""
    _logger("dimensions").info("Order placed", extra={"custom_dimensions": {"sku": "kettle", "count": 2, "gift": True, "note": None}})


def with_measurements():
    """Measurements, of numbers and of what can be one."""
    _logger("measurements").info("Order placed", extra={"custom_measurements": {"count": 2, "total": 19.9}})


def with_odd_measurements():
    """Measurements that are no numbers, or numbers in another form."""
    logger = _logger("odd")
    logger.info("text", extra={"custom_measurements": {"number": "12.5", "count": 1}})
    logger.info("true", extra={"custom_measurements": {"yes": True}})
    logger.info("word", extra={"custom_measurements": {"word": "many"}})
    logger.info("decimal", extra={"custom_measurements": {"price": decimal.Decimal("1.5")}})


def with_both():
    """Properties and measurements."""
    _logger("both").info("Order placed", extra={"custom_dimensions": {"sku": "kettle"}, "custom_measurements": {"count": 2}})


def not_dicts():
    """What is no dict is left out."""
    _logger("not_dicts").info("Order placed", extra={"custom_dimensions": "sku", "custom_measurements": [1]})


def with_exception():
    """`exc_info` on an event."""
    logger = _logger("exception")
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("Order failed", extra={"custom_dimensions": {"sku": "kettle"}})


def formatted():
    """A formatter of the handler."""
    handler = AzureEventHandler()
    handler.setFormatter(logging.Formatter("shop/%(message)s"))
    _logger("formatted", handler).info("Order placed")


class _Score(float, enum.Enum):
    TOP = 9.5


def with_enumerations():
    """Members of enumerations as measurements."""
    _logger("enumerations").info("Scored", extra={"custom_measurements": {"score": _Score.TOP}})


def with_reserved_dimensions():
    """Dimensions whose keys mean something inside this package."""
    reserved = {"microsoft.custom_measurements": "mine", "microsoft.custom_event.name": "mine"}
    _logger("reserved").info("Reserved", extra={"custom_dimensions": reserved, "custom_measurements": {"n": 1}})


def without_name():
    """An event without text."""
    _logger("without_name").info("")


def long_name():
    """A name longer than the service takes."""
    _logger("long_name").info("e" * 600)


def processors():
    """Telemetry processors."""
    handler = AzureEventHandler()

    def change(envelope):
        envelope.data.baseData.properties["build"] = "b1"
        envelope.data.baseData.measurements["seen"] = 1
        return envelope.data.baseData.name != "Heartbeat"

    handler.add_telemetry_processor(change)
    logger = _logger("processors", handler)
    logger.info("Order placed", extra={"custom_measurements": {"count": 2}})
    logger.info("Heartbeat")


def subclass():
    """A subclass with envelopes of its own."""

    class Handler(AzureEventHandler):
        def _check_stats_collection(self):
            return False

        def log_record_to_envelope(self, record):
            envelope = super().log_record_to_envelope(record)
            envelope.tags.pop("ai.device.id")
            envelope.data.baseData.name = "shop." + envelope.data.baseData.name
            return envelope

    _logger("subclass", Handler()).info("Order placed")
