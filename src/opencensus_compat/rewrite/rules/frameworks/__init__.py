"""Integrations, middlewares, and settings of frameworks."""
