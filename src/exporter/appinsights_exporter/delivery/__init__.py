"""Getting envelopes to the ingestion endpoint.

``encode`` turns envelopes into bytes and batches, ``transport`` makes one exchange over HTTP, ``classify`` judges replies (pure), and
``deliver`` ties them together.
"""
