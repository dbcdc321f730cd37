from shop_base import *

if CONNECTION_STRING.startswith("InstrumentationKey="):
    rate = float("1.0")

    def without_health(envelope):
        return not envelope.data.baseData.get("url", "").endswith("/health")

    TELEMETRY_PROCESSORS = [without_health]
