"""Tracers, spans, and their context."""
