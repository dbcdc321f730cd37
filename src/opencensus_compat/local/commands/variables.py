"""Environment variables that the command reads, or sets for the program that it runs."""

from __future__ import annotations

CONNECTION_STRING_VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
REDIRECT_VARIABLE = "APPINSIGHTS_EXPORTER_REDIRECT"
"""Makes our exporters send to a local endpoint whatever connection string they are given."""
NOTES_VARIABLE = "OPENCENSUS_COMPAT_LOCAL_NOTES"
"""Names the file in which Python processes note what they made."""
CALL_SITES_VARIABLE = "OPENCENSUS_COMPAT_LOCAL_CALL_SITES"
"""Lets those processes note there, too, which lines call OpenCensus."""
STATISTICS_VARIABLE = "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL"
"""Keeps the retired SDK from sending statistics about itself to Microsoft."""
