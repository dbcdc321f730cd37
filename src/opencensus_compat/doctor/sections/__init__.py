"""The sections of the facts: frozen dataclasses of texts, numbers, truth values, None, tuples, and such classes.

No section holds a secret: what may hold one is masked as it is collected, since facts cross a file.
"""
