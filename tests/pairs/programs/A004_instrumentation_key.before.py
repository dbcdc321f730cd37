import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler

# A key alone is deprecated, and it says so.
logging.getLogger("opencensus_compat").setLevel(logging.ERROR)
KEY = "33333333-3333-4333-8333-333333333333"

for name, handler in (
    ("orders", AzureLogHandler(instrumentation_key=KEY)),
    ("stock", AzureLogHandler(instrumentation_key="44444444-4444-4444-8444-444444444444")),
):
    logging.getLogger(name).addHandler(handler)
    logging.getLogger(name).warning("by key")
