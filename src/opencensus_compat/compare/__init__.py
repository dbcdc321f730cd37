"""What differs between the telemetry of two runs, under the portal's names: the core of ``census-compat compare``.

Use::

    comparison = compare("before.db", "after.db", twins=["before-again.db"])
    for difference in comparison.open_differences:
        print(difference.table, difference.column, difference.changes[0])

Limits: both recordings are finished files of ``census-compat local --database``. What is never compared is in `NOT_COMPARED`, with reasons.
Without twins nothing is known of what differs from run to run but ids, times and durations.
"""

from __future__ import annotations

from .accepted import AcceptedListError
from .accepted import read as read_accepted
from .comparing import compare
from .lines import FileLines, LineMap
from .model import (
    ABSENT,
    PRESENT,
    ROW,
    Accepted,
    Change,
    Code,
    Comparison,
    Difference,
    NotCompared,
    Problem,
    TableChange,
    Verdict,
    Volatile,
)
from .noise import NOT_COMPARED
from .recordings import (
    DamagedRecording,
    LockedRecording,
    MissingRecording,
    NotARecording,
    OpenRecording,
    OtherFormat,
    RecordingError,
)

__all__ = [
    "ABSENT",
    "NOT_COMPARED",
    "PRESENT",
    "ROW",
    "Accepted",
    "AcceptedListError",
    "Change",
    "Code",
    "Comparison",
    "DamagedRecording",
    "Difference",
    "FileLines",
    "LineMap",
    "LockedRecording",
    "MissingRecording",
    "NotARecording",
    "NotCompared",
    "OpenRecording",
    "OtherFormat",
    "Problem",
    "RecordingError",
    "TableChange",
    "Verdict",
    "Volatile",
    "compare",
    "read_accepted",
]
