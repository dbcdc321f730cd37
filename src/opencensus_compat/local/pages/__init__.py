"""Pages for a browser: what an endpoint or a finished recording holds.

``api`` answers their questions as JSON, ``assets`` has the files of ``static/``; the server checks first who asks.
"""
