"""Measures, views, gauges, and what sends and reads them."""
