"""Spans of requests that FastAPI and Starlette answer."""
