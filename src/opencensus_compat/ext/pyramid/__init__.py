"""A request of Pyramid becomes a server span."""
