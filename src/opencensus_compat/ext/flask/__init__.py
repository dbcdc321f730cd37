"""A request of Flask becomes a server span."""
