"""What of OpenCensus a code base uses, read from its text: ``census-compat scan``."""
