"""Rewriting OpenCensus code as OpenTelemetry code: ``census-compat rewrite``."""
