"""A comparison for people and for programs: text, JSON, one HTML file, JUnit XML. Pure."""

from __future__ import annotations

from .data import as_json
from .html import as_html
from .junit import as_junit
from .sides import Sides
from .text import as_text

__all__ = ["Sides", "as_html", "as_json", "as_junit", "as_text"]
