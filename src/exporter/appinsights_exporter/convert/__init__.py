"""Pure conversion of OpenTelemetry data to Application Insights envelopes.

Nothing here does input or output, keeps state, reads the environment or looks up a provider: what is needed comes in as arguments.
``spans`` is the entry for OpenTelemetry spans (``incoming`` makes requests, ``outgoing`` dependencies, ``events`` exceptions and
messages) and ``legacy_spans`` the entry for spans that OpenCensus code made. ``resource``, ``timing``, ``limits``, ``urls`` and
``peers`` hold the rules that they share, and ``head`` the fields that every envelope has.
"""
