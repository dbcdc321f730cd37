"""The current tracer and span in threads and pools that a program starts."""
