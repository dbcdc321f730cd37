"""The one lock of everything that is added up."""

from __future__ import annotations

import os
import threading

recording = threading.RLock()
"""Guards what views have added up, which views there are, and who listens. Held for about a microsecond, and never while a log line is
written or an exporter is called. Reentrant, because a measurement may be recorded where garbage is collected, in the midst of another."""

# A process must not be copied while another thread is adding up: the child would wait for that thread for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=recording.acquire, after_in_parent=recording.release, after_in_child=recording.release)
