"""``python -m opencensus_compat`` is the ``census-compat`` command."""

from __future__ import annotations

import sys

from opencensus_compat._cli import main

sys.exit(main())
