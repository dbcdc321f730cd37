"""Spans of calls that httpx makes."""
