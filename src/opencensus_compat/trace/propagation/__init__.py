"""How a span context is written into requests and read from them, one module per format."""
