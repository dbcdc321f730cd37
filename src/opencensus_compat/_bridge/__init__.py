"""Everything that OpenCensus never had: the way from its API to OpenTelemetry providers and to the exporter."""
