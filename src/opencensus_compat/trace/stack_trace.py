"""A call stack kept with a span."""

from __future__ import annotations

import os
import random
import re
import traceback
from typing import TYPE_CHECKING, Any

from opencensus_compat.common.utils import get_truncatable_str

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

MAX_FRAMES = 128
"""Most frames of a stack trace."""

BUILD_ID = os.environ.get("BUILD_ID", "unknown")
"""Build of the program, given to the frames of every traceback."""
SOURCE_VERSION = os.environ.get("SOURCE_VERSION", "unknown")
"""Version of the program's source, given to the frames of every traceback."""

_HEAD = "Traceback (most recent call last):\n"
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+), in (?P<function>.*)$', re.MULTILINE)

_HASH_HEX_DIGITS = 12
"""48 bits, so that the id fits where a signed 64-bit number is expected."""


class StackFrame:
    """A function that was active.

    Args:
        func_name: Name of the function.
        original_func_name: Its name in the source, where the other is mangled.
        file_name: Source file.
        line_num: Line of the call in that file.
        col_num: Column of the call; 0 when not known.
        load_module: Where the code was loaded from.
        build_id: Build of that.
        source_version: Version of its source.
    """

    def __init__(
        self,
        func_name: str,
        original_func_name: str,
        file_name: str,
        line_num: int | None,
        col_num: int,
        load_module: str,
        build_id: str,
        source_version: str,
    ) -> None:
        self.func_name = func_name
        self.original_func_name = original_func_name
        self.file_name = file_name
        self.line_num = line_num
        self.col_num = col_num
        self.load_module = load_module
        self.build_id = build_id
        self.source_version = source_version

    def format_stack_frame_json(self) -> dict[str, Any]:
        """Return the frame with every text cut to 128 bytes."""
        return {
            "function_name": get_truncatable_str(self.func_name),
            "original_function_name": get_truncatable_str(self.original_func_name),
            "file_name": get_truncatable_str(self.file_name),
            "line_number": self.line_num,
            "column_number": self.col_num,
            "load_module": {
                "module": get_truncatable_str(self.load_module),
                "build_id": get_truncatable_str(self.build_id),
            },
            "source_version": get_truncatable_str(self.source_version),
        }


class StackTrace:
    """Up to `MAX_FRAMES` formatted frames, the outermost first.

    Args:
        stack_frames: Frames as `StackFrame.format_stack_frame_json` returns them. Of more than `MAX_FRAMES` the last are kept.
        stack_trace_hash_id: Tells the stack trace from others of its trace; random when None.
    """

    def __init__(self, stack_frames: list[dict[str, Any]] | None = None, stack_trace_hash_id: int | None = None) -> None:
        frames = [] if stack_frames is None else stack_frames
        self.dropped_frames_count = max(len(frames) - MAX_FRAMES, 0)
        self.stack_frames = frames[-MAX_FRAMES:] if self.dropped_frames_count else frames
        self.stack_trace_hash_id = generate_hash_id() if stack_trace_hash_id is None else stack_trace_hash_id

    @classmethod
    def from_traceback(cls, tb: TracebackType | None) -> Self:
        """Return the stack trace of an exception.

        Loses:
            Frames after the first `MAX_FRAMES`: they are counted, not kept. Columns, of which OpenCensus makes 0.
        """
        return cls._of_frames(generate_hash_id_from_traceback(tb), traceback.extract_tb(tb))

    @classmethod
    def _of_frames(cls, hash_id: int, frames: traceback.StackSummary) -> Self:
        stack_trace = cls(stack_trace_hash_id=hash_id)
        for frame in frames:
            stack_trace.add_stack_frame(
                StackFrame(
                    func_name=frame.name,
                    original_func_name=frame.name,
                    file_name=frame.filename,
                    line_num=frame.lineno,
                    col_num=0,
                    load_module=frame.filename,
                    build_id=BUILD_ID,
                    source_version=SOURCE_VERSION,
                )
            )
        return stack_trace

    @classmethod
    def _from_text(cls, text: str) -> Self:
        """Return the stack trace of an exception whose traceback Python has printed, without OpenTelemetry's own frames at its start.

        Args:
            text: As `traceback.format_exception` makes it; of several tracebacks the last one counts.
        """
        printed = text.rpartition(_HEAD)[2]
        frames = list(_FRAME.finditer(printed))
        while frames and _is_of_opentelemetry(frames[0]["file"]):
            del frames[0]
        end = re.search(r"^\S", printed, re.MULTILINE)
        shown = printed[frames[0].start() : end.start() if end else len(printed)] if frames else ""
        stack_trace = cls(stack_trace_hash_id=_hash_id_of(shown))
        for frame in frames:
            stack_trace.add_stack_frame(
                StackFrame(
                    func_name=frame["function"],
                    original_func_name=frame["function"],
                    file_name=frame["file"],
                    line_num=int(frame["line"]),
                    col_num=0,
                    load_module=frame["file"],
                    build_id=BUILD_ID,
                    source_version=SOURCE_VERSION,
                )
            )
        return stack_trace

    def add_stack_frame(self, stack_frame: StackFrame) -> None:
        """Format a frame and put it behind the others, or count it as dropped when there is no room."""
        if len(self.stack_frames) < MAX_FRAMES:
            self.stack_frames.append(stack_frame.format_stack_frame_json())
        else:
            self.dropped_frames_count += 1

    def format_stack_trace_json(self) -> dict[str, Any]:
        """Return the id and, where there are any, the frames with the count of those dropped."""
        formatted: dict[str, Any] = {}
        if self.stack_frames:
            formatted["stack_frames"] = {"frame": self.stack_frames, "dropped_frames_count": self.dropped_frames_count}
        formatted["stack_trace_hash_id"] = self.stack_trace_hash_id
        return formatted


def _is_of_opentelemetry(file: str) -> bool:
    """Return whether a frame is of the context manager that notes the exception."""
    return file.replace("\\", "/").endswith(("opentelemetry/trace/__init__.py", "opentelemetry/sdk/trace/__init__.py"))


def generate_hash_id() -> int:
    """Return a random id of 64 bits."""
    return random.getrandbits(64)


def generate_hash_id_from_traceback(tb: TracebackType | None) -> int:
    """Return an id of 48 bits that is the same for the same traceback."""
    return _hash_id_of("".join(traceback.format_tb(tb)))


# What programs replace, as it is here.
_FROM_TRACEBACK, _HASH_ID = StackTrace.from_traceback.__func__, generate_hash_id_from_traceback  # type: ignore[attr-defined]  # it is a method


def _of_traceback(tb: TracebackType, frames: traceback.StackSummary | None) -> StackTrace:
    """Return what `StackTrace.from_traceback` does, in a third of the time where the frames are at hand.

    Args:
        tb: The traceback.
        frames: Its frames; None where they are not at hand.
    """
    make = StackTrace.from_traceback
    if frames is None or getattr(make, "__func__", None) is not _FROM_TRACEBACK or generate_hash_id_from_traceback is not _HASH_ID:
        return make(tb)
    return StackTrace._of_frames(_hash_id_of("".join(frames.format())), frames)


def _hash_id_of(text: str) -> int:
    import hashlib

    digest = hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()
    return int(digest[:_HASH_HEX_DIGITS], 16)
