"""Exceptions in log records."""

from __future__ import annotations

import logging
import sys

from opencensus.ext.azure.log_exporter import AzureLogHandler

NO_TRACE, NO_SPAN = "00000000000000000000000000000000", "0000000000000000"


class OutOfStock(Exception):
    """An exception of the program's own."""


def _logger(name, handler=None):
    logger = logging.getLogger("exceptions." + name)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler or AzureLogHandler())
    return logger


def _reserve(sku):
    raise OutOfStock("no %s left" % sku)


def _handle(sku):
    _reserve(sku)


def caught():
    """`logger.exception` in an except block."""
    logger = _logger("caught")
    try:
        _handle("kettle")
    except OutOfStock:
        logger.exception("cannot reserve %s", "kettle")


def with_dimensions():
    """Together with dimensions."""
    logger = _logger("dimensions")
    try:
        _handle("kettle")
    except OutOfStock:
        logger.exception("cannot reserve", extra={"custom_dimensions": {"sku": "kettle", "count": 2}})


def at_other_levels():
    """`exc_info=True` with other methods."""
    logger = _logger("levels")
    try:
        _handle("kettle")
    except OutOfStock:
        logger.debug("at debug", exc_info=True)
        logger.warning("at warning", exc_info=True)
        logger.critical("at critical", exc_info=True)


def given():
    """An exception object, and a tuple."""
    logger = _logger("given")
    try:
        _handle("kettle")
    except OutOfStock as error:
        kept = error
        logger.error("as a tuple", exc_info=sys.exc_info())
    logger.error("as an object", exc_info=kept)


def never_raised():
    """An exception without a traceback."""
    _logger("never_raised").error("not raised", exc_info=OutOfStock("none"))


def outside():
    """`logger.exception` outside an except block."""
    _logger("outside").exception("nothing was raised")


def empty_tuple():
    """A tuple of nothing."""
    _logger("empty").error("tuple", exc_info=(None, None, None))


def off():
    """`exc_info` that is false."""
    logger = _logger("off")
    try:
        _handle("kettle")
    except OutOfStock:
        logger.error("false", exc_info=False)
        logger.exception("false again", exc_info=False)


def cause():
    """An exception raised from another."""
    logger = _logger("cause")
    try:
        try:
            _reserve("kettle")
        except OutOfStock as error:
            raise LookupError("no order") from error
    except LookupError:
        logger.exception("with cause")


def context():
    """An exception raised while another was handled."""
    logger = _logger("context")
    try:
        try:
            _reserve("kettle")
        except OutOfStock:
            raise LookupError("no order")
    except LookupError:
        logger.exception("with context")


def suppressed():
    """One that hides the other."""
    logger = _logger("suppressed")
    try:
        try:
            _reserve("kettle")
        except OutOfStock:
            raise LookupError("no order") from None
    except LookupError:
        logger.exception("without context")


def without_message():
    """An exception without text, and a record without text."""
    logger = _logger("without_message")
    try:
        raise OutOfStock
    except OutOfStock:
        logger.exception("")


def formatted():
    """A formatter of the handler."""
    handler = AzureLogHandler()
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    logger = _logger("formatted", handler)
    try:
        _handle("kettle")
    except OutOfStock:
        logger.exception("cannot reserve")


def own_format_of_exceptions():
    """A formatter that writes exceptions its own way."""

    class Short(logging.Formatter):
        def formatException(self, exc_info):
            return "%s: %s" % (exc_info[0].__name__, exc_info[1])

    handler = AzureLogHandler()
    handler.setFormatter(Short("%(message)s"))
    logger = _logger("own_format", handler)
    try:
        _handle("kettle")
    except OutOfStock:
        logger.exception("cannot reserve")


def _fall(depth):
    if not depth:
        raise OutOfStock("deep")
    _fall(depth - 1)


def recursion():
    """A stack that Python abbreviates when it prints it."""
    logger = _logger("recursion")
    try:
        _fall(30)
    except OutOfStock:
        logger.exception("deep")


def deep_recursion():
    """A deep stack."""
    logger = _logger("deep_recursion")
    try:
        _fall(150)
    except OutOfStock:
        logger.exception("deep")


def long_text():
    """An exception with more text than the service takes."""
    logger = _logger("long")
    try:
        raise OutOfStock("x" * 40000)
    except OutOfStock:
        logger.exception("long")


def unprintable():
    """An exception whose text cannot be had."""

    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    logger = _logger("unprintable")
    try:
        raise Broken
    except Broken:
        logger.exception("broken")


def processor():
    """A processor that reads the exception's parts."""
    handler = AzureLogHandler()

    def shorten(envelope):
        first = envelope.data.baseData.exceptions[0]
        first["message"] = first["message"].splitlines()[0]
        envelope.data.baseData.properties["type"] = first["typeName"]

    handler.add_telemetry_processor(shorten)
    logger = _logger("processor", handler)
    try:
        _handle("kettle")
    except OutOfStock:
        logger.exception("cannot reserve")
