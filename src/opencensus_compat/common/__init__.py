"""What the OpenCensus signals share."""
