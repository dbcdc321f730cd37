"""The steps of a service from the retired SDK to OpenTelemetry: what was compared at each, and noted."""
