"""``import opencensus_compat.auto`` as a program's first import gives it the facades, where no ``.pth`` file did.

Raises: RuntimeError when the real ``opencensus`` was imported before, as ``opencensus_compat.install`` does.
"""

from __future__ import annotations

from opencensus_compat._alias import install

install()
