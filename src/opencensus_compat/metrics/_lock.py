"""The one lock of everything that is added up."""

from __future__ import annotations

import threading

from opencensus_compat._bridge.process import hold_while_forking

recording = threading.RLock()
"""Guards what views have added up, which views there are, and who listens. Held for about a microsecond, and never while a log line is
written or an exporter is called. Reentrant, because a measurement may be recorded where garbage is collected, in the midst of another."""

# A process must not be copied while another thread is adding up: the child would wait for that thread for ever.
hold_while_forking(recording)
