"""Measures, views on what is measured, and what has been added up for them."""
