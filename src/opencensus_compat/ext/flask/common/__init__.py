"""Nothing but the version, as in OpenCensus."""
