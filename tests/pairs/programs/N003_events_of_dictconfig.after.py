import logging.config

logging.config.dictConfig(
    {
        "version": 1,
        "handlers": {
            "azure": {"class": "appinsights_exporter.ApplicationInsightsEventHandler", "export_interval_millis": 1500, "queue_capacity": 1000}
        },
        "loggers": {"shop.events": {"handlers": ["azure"], "level": "INFO"}},
    }
)
events = logging.getLogger("shop.events")
events.info("checkout", extra={"custom_dimensions": {"cart": "c-42"}, "custom_measurements": {"amount": 12.5}})
events.info("left", extra={"cart": "c-43"})
