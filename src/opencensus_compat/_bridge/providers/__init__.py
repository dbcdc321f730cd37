"""Which OpenTelemetry providers telemetry goes to: those of the application, or ones that this package makes."""
