"""Application Insights behind the OpenCensus interface."""
