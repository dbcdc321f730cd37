"""How span data and metrics get from where they arise to an exporter's `emit`."""
