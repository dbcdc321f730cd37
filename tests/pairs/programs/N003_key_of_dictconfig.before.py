import logging.config

logging.basicConfig(handlers=[logging.NullHandler()])
logging.config.dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "azure": {
                "()": "opencensus.ext.azure.log_exporter.AzureLogHandler",
                "instrumentation_key": "11111111-1111-1111-1111-111111111111",
            }
        },
        "root": {"handlers": ["azure"]},
    }
)
logging.getLogger("orders").warning("order %d", 7)
