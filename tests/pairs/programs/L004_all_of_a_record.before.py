import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())
logger.setLevel(logging.DEBUG)

logger.warning("sold %s", "out", extra={"custom_dimensions": {"cart": 1, "paid": True, "none": None, "list": [1, 2], "mixed": [1, "a"], "map": {"a": 1}, "bytes": b"a", "parts": [b"b", "c"]}})
logger.info("x", extra={"tenant": "west", "number": 3})
logger.info({"a": 1})
logger.info(7)
logger.log(15, "between")
logger.error("")
try:
    {}["x"]
except KeyError:
    logger.exception("failed")
try:
    raise ValueError
except ValueError:
    logger.exception("")
logger.error("no exception", exc_info=True)
logger.error("with stack", stack_info=True)
