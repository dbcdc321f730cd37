"""Metrics for Application Insights."""
