"""``census-compat doctor``: why telemetry does not arrive, told from the environment of the program.

It works when the product is broken: nothing here imports another part of this package, or anything of OpenTelemetry, as it loads.
"""
