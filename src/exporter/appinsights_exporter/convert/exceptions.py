"""Python traceback text becomes the list of exceptions that the service shows: the error itself, then what it was raised from.

The text is the one thing that every source has: OpenTelemetry's ``exception.stacktrace``, and the records of ``logging``. Text of any
other form is passed on unchanged, and never refused. The text leaves frames out; :func:`of_error` reads the exception itself.
"""

from __future__ import annotations

import builtins
import re
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .limits import MAX_MESSAGE, MAX_NAME, MAX_STACK, required, text

if TYPE_CHECKING:
    from types import TracebackType

MAX_EXCEPTIONS = 10
"""Most entries of one item: the error and nine that led to it, as the .NET SDK sends."""
MAX_FRAMES = 100
"""Most frames of one entry; of a longer stack, the innermost and outermost halves. Source: specification section 3."""
NO_TYPE = NO_MESSAGE = "Exception"
"""What stands for a missing type or message: the service refuses an exception without them."""

_GROUP = "Exception Group Traceback (most recent call last):"
_HEADERS = frozenset({"Traceback (most recent call last):", _GROUP})
_LINKS = frozenset(
    {
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    }
)
_FRAME = re.compile(r'  File "(.*)", line (\d{1,9}), in (.*)')
_ERROR = re.compile(r"([^\W\d][\w.<>]*)(?:: ?(.*))?", re.DOTALL)
_MARGIN = re.compile(r"( *)([|+]) ?(.*)")
_FORK = re.compile(r"(?:\+-)?\+-+ (?:\d+|\.\.\.) -+")
_END = re.compile(r"\+-{8,}")
_SPAN_FRAMES = re.compile(
    r"""(?m)^(?P<head>[ |+-]*(?:Exception\ Group\ )?Traceback\ \(most\ recent\ call\ last\):\n)
    (?:[ ]*(?:\|[ ]*)*File\ ".*(?:opentelemetry[/\\](?:sdk[/\\])?trace[/\\]__init__\.py",\ line\ \d+,\ in\ (?:use_span|start_as_current_span)
        |opentelemetry[/\\]util[/\\]_decorator\.py",\ line\ \d+,\ in\ \w+
        |[/\\]contextlib\.py",\ line\ \d+,\ in\ inner
        |[/\\]trace[/\\]tracer\.py",\ line\ \d+,\ in\ (?:async_)?wrapper)\n
    (?:[ |]*[ ]{4}\S.*\n)*)+""",
    re.VERBOSE,
)
_Group: Any = getattr(builtins, "BaseExceptionGroup", ())
"""The class of exception groups; Python 3.10 has none."""


def details(
    type_name: str,
    message: str,
    stack: str,
    *,
    with_text: bool,
    always_numbered: bool = False,
    raised: Sequence[Error] | None = None,
) -> list[dict[str, object]]:
    """Return the ``exceptions`` of an item: outermost first, each after the one that it led to.

    Args:
        type_name: Of the error; empty takes that of the text.
        message: Of the error; empty takes that of the text.
        stack: Traceback as Python prints it, or any other text, or empty.
        with_text: Whether the first entry has the whole text beside its frames, cut to 32768 characters from the front: the error and
            its innermost frames stand at the end. Text that has no frames is passed on in any case.
        always_numbered: Whether ``id`` and ``outerId`` are there although there is one entry only.
        raised: What :func:`of_error` says of the same exceptions; without it they are read from the text.
    Returns: At least one entry, with type and message, and at most ten. Members of an exception group count as causes of the group.
        ``parsedStack`` begins with the innermost frame, which is level 0.
    Loses: the kind of link (cause, context or member), source lines and notes in frames, frames in the middle of more than 100; where
        only the text is there, also the frames for which Python says "Previous line repeated".
    Source: specification sections 3, 4.8 and 7.2.
    """
    errors = raised or (parse(stack) if stack else [])
    first = errors[0] if errors else Error()
    entry: dict[str, object] = {
        "typeName": required(type_name, MAX_NAME, "") or required(first.type_name, MAX_NAME, NO_TYPE),
        "message": required(message, MAX_MESSAGE, "") or required(first.message, MAX_MESSAGE, NO_MESSAGE),
        # An error that was never raised has a text, too, but no stack.
        "hasFullStack": bool(first.frames) or bool(stack and not errors),
    }
    if first.frames:
        entry["parsedStack"] = first.parsed_stack()
    if stack and (with_text or not first.frames):
        entry["stack"] = stack[-MAX_STACK:]
    if len(errors) < 2:
        return [{"id": 1, "outerId": 0, **entry}] if always_numbered else [entry]
    return [{"id": 1, "outerId": 0, **entry}, *(_inner(error, number) for number, error in enumerate(errors[1:MAX_EXCEPTIONS], 2))]


@dataclass(slots=True)
class Error:
    """One exception of a traceback's text."""

    type_name: str = ""
    message: str = ""
    frames: list[tuple[str, int, str]] = field(default_factory=list)
    """File, line and function, outermost first, as in the text."""
    outer: int = 0
    """Position, from 0, of the exception that this one led to; of the first, its own."""

    def parsed_stack(self) -> list[dict[str, object]]:
        """Return the frames as the service takes them, innermost first."""
        frames = self.frames
        shown: Iterator[tuple[int, tuple[str, int, str]]] = enumerate(reversed(frames))
        if len(frames) > MAX_FRAMES:
            half = MAX_FRAMES // 2
            # The levels tell where frames are missing.
            shown = (pair for pair in list(shown) if pair[0] < half or pair[0] >= len(frames) - half)
        return [
            {"level": level, "method": required(method, MAX_NAME), "fileName": file[:MAX_NAME], "line": line}
            for level, (file, line, method) in shown
        ]


def parse(text: str) -> list[Error]:
    """Return the exceptions in a traceback's text, outermost first; none when it is not in Python's form.

    Args:
        text: As ``traceback.format_exception`` gives it.
    """
    root = _Chain()
    if _GROUP in text:
        _read_group(text, root)
    else:
        for line in text.splitlines():
            root.add(line)
    errors: list[Error] = []
    _collect(root, 0, errors)
    return errors


def without_span_frames(stack: str) -> str:
    """Return a traceback's text without the frames of context managers and decorators of spans, which stand before the program's own.

    A span that an exception leaves notes it from within them. They say nothing of the program.
    """
    return _SPAN_FRAMES.sub(r"\g<head>", stack) if ", in use_span" in stack or "wrapper\n" in stack else stack


def of_error(error: BaseException, frames: TracebackType | None) -> list[Error]:
    """Return an exception and those that led to it, outermost first, with all their frames; named by their classes without modules.

    Args:
        error: The exception.
        frames: Its traceback, which need not be the one that it carries; or None.
    """
    errors: list[Error] = []
    _walk(error, frames, 0, errors, set())
    return errors


def _walk(error: BaseException | None, frames: TracebackType | None, outer: int, errors: list[Error], seen: set[int]) -> None:
    # In the order of `_collect`: each with the members that it has if it is a group, before what it was raised from.
    while error is not None and id(error) not in seen and len(errors) < MAX_EXCEPTIONS:
        seen.add(id(error))
        shown = [(frame.f_code.co_filename, line or 0, frame.f_code.co_name) for frame, line in traceback.walk_tb(frames)]
        errors.append(Error(type(error).__name__, _said(error), shown, outer))
        outer = len(errors) - 1
        if isinstance(error, _Group):
            for member in error.exceptions:
                _walk(member, member.__traceback__, outer, errors, seen)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        frames = None if error is None else error.__traceback__


def _said(error: BaseException) -> str:
    notes = getattr(error, "__notes__", None)
    return "\n".join(text(part) for part in (error, *(notes if isinstance(notes, list) else ())))


def _inner(error: Error, number: int) -> dict[str, object]:
    entry: dict[str, object] = {
        "id": number,
        "outerId": error.outer + 1,
        "typeName": required(error.type_name, MAX_NAME, NO_TYPE),
        "message": required(error.message, MAX_MESSAGE, NO_MESSAGE),
        "hasFullStack": bool(error.frames),
    }
    if error.frames:
        entry["parsedStack"] = error.parsed_stack()
    return entry


class _Block:
    """The lines of one exception, and the members that it has if it is a group."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.members: list[_Chain] = []


class _Chain:
    """Exceptions in the order of the text: each led to the next."""

    def __init__(self) -> None:
        self.blocks = [_Block()]

    def add(self, line: str) -> None:
        if line in _LINKS:
            self.blocks.append(_Block())
        else:
            self.blocks[-1].lines.append(line)


def _read_group(text: str, root: _Chain) -> None:
    """Divide the text of an exception group, in which a margin of spaces, bars and forks shows what belongs to what."""
    chains = [root]
    for line in text.splitlines():
        found = _MARGIN.fullmatch(line)
        depth = 1 if found is None else max(1, len(found[1]) // 2)
        if found is None or depth > len(chains):
            # No margin: what stands before or after a group in a chain, or the rest of a long message.
            (root if found is None else chains[-1]).add(line)
            continue
        marked = line.strip()
        if found[2] == "+" and _FORK.fullmatch(marked):
            depth += marked.startswith("+-+")
            del chains[max(1, depth - 1) :]
            member = _Chain()
            chains[-1].blocks[-1].members.append(member)
            chains.append(member)
        elif found[2] == "+" and _END.fullmatch(marked):
            del chains[max(1, depth - 1) :]
        else:
            del chains[depth:]
            chains[-1].add(found[3])


def _collect(chain: _Chain, outer: int, errors: list[Error]) -> None:
    """Add the exceptions of a chain, last first, each with its members after it; what is no exception is passed over."""
    for block in reversed(chain.blocks):
        if len(errors) >= MAX_EXCEPTIONS:
            return
        error = _read(block.lines)
        if error is None:
            continue
        error.outer = outer
        outer = len(errors)
        errors.append(error)
        for member in block.members:
            _collect(member, outer, errors)


def _read(lines: list[str]) -> Error | None:
    """Return the exception of a block, or None if the lines are none."""
    frames = []
    for number, line in enumerate(lines):
        if line.startswith(" "):
            found = _FRAME.fullmatch(line)
            if found is not None:
                frames.append((found[1], int(found[2]), found[3]))
        elif line and line not in _HEADERS:
            said = "\n".join(lines[number:]).rstrip()
            break
    else:
        return Error(frames=frames) if frames else None
    found = _ERROR.fullmatch(said)
    if found is None or (not frames and found[2] is None and not found[1].endswith(("Error", "Exception"))):
        # Words, rather than the name of a class.
        return Error(message=said, frames=frames) if frames else None
    return Error(found[1], found[2] or "", frames)
