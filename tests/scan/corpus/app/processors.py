"""A processor, in a file that imports nothing of OpenCensus."""

import logging


def role(envelope):
    envelope.tags["ai.cloud.role"] = "orders"  #: A007
    envelope.data.baseData["name"] = "x"  #: A008
    return True


logging.getLogger(__name__).info("a", extra={"custom_dimensions": {"a": 1}})  #: L004
