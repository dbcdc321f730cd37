"""Pure conversions between the two APIs' values; nothing here does I/O, reads a clock or looks up a provider."""
