"""Exporters and integrations of OpenCensus that this package brings itself.

An integration that is not here (`opencensus.ext.flask` of an installed legacy package) is found on disk by the import finder.
"""
