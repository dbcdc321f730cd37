import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
handler = ApplicationInsightsLoggingHandler(
    connection_string="InstrumentationKey=11111111-1111-4111-8111-111111111111;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/"
)
logger.addHandler(handler)

logger.info("checkout of %s", "c-42")
logger.warning("stock is low", extra={"custom_dimensions": {"article": "a-1", "left": 3}})
try:
    {}["c-42"]
except KeyError:
    logger.exception("cart is lost")
