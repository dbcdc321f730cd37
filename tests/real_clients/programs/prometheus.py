import sys

from opencensus.ext.prometheus import stats_exporter
from prometheus_client import CollectorRegistry, generate_latest
from shop import measured, record, show

# The retired SDK fails at sums and last values: which views there are is the caller's to say.
census, latency = measured(*sys.argv[1:])
options = stats_exporter.Options("shop", port=0, address="127.0.0.1", registry=CollectorRegistry())
census.view_manager.register_exporter(stats_exporter.new_stats_exporter(options))
record(census, latency)
# What its server answers with.
show([line for line in generate_latest(options.registry).decode().splitlines() if "shop" in line])
