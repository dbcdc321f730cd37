"""The tracers behind `opencensus.trace.tracer.Tracer`: one that records and one that does nothing."""
