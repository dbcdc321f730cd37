"""Spans of calls that the standard library's HTTP client makes."""
