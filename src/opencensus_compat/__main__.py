"""``python -m opencensus_compat`` is the ``census-compat`` command."""

from __future__ import annotations

import sys

if sys.argv[1:2] == ["doctor"] and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    # A module in the folder of the program may have the name of one that the command needs, which is one of the things that it looks for.
    sys.path.append(sys.path.pop(0))

from opencensus_compat._cli import main

sys.exit(main())
