"""What people write by mistake: quotes around a value, and names that are nearly right. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

CLOSE = 0.8
"""How much of two names must agree (0.0 to 1.0) for one to be taken for a misspelling of the other."""
VERY_CLOSE = 0.9
"""The same for names of environment variables that do not begin as ours do: they may be somebody else's."""

_ALIKE = 4
"""How many letters of names of variables are taken to be right, where others' names are not looked at."""

_INVISIBLE = "\ufeff\u200b\u2060"
"""Byte order marks of files and what is copied from web pages, which ``str.strip`` leaves."""
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019")


def unquoted(text: str) -> str:
    """Return a text without the spaces and quotes around it: ``docker --env-file`` and the like leave quotes in values."""
    text = _stripped(text)
    while len(text) > 1 and text[0] + text[-1] in _QUOTES:
        text = _stripped(text[1:-1])
    return text


def _stripped(text: str) -> str:
    text = text.strip()
    while text and (text[0] in _INVISIBLE or text[-1] in _INVISIBLE):
        text = text.strip(_INVISIBLE).strip()
    return text


def nearest(name: str, known: Iterable[str], closeness: float = CLOSE) -> str | None:
    """Return the known name that a name is probably a misspelling of, whatever its capitals; None where there is none.

    Args:
        name: As it was written.
        known: The names that there are.
        closeness: From 0.0 to 1.0; see :data:`CLOSE`.
    """
    asked = name.lower()
    by_lower = {lower: each for each in known if _has_letters_of(asked, lower := each.lower(), closeness)}
    if not by_lower:
        return None
    # Needed where something is wrong only; a program that is set up well does not pay for the import.
    import difflib

    found = difflib.get_close_matches(asked, by_lower, n=1, cutoff=closeness)
    return by_lower[found[0]] if found else None


def _has_letters_of(name: str, other: str, closeness: float) -> bool:
    """Return whether two names could be that close by their letters, whatever the order of these: difflib's ``quick_ratio``.

    The platform and other packages set variables whose names begin as ours do.
    """
    return 2 * (Counter(name) & Counter(other)).total() >= closeness * (len(name) + len(other))


def variable_problems(
    environ: Mapping[str, str], prefix: str, known: Mapping[str, Collection[str]], others: Collection[str] = ()
) -> Iterator[str]:
    """Yield a sentence for each environment variable that is set, and has no effect for its name or its value.

    Args:
        environ: The environment.
        prefix: What all names begin with that are nobody's but ours.
        known: Name of each variable that there is -> the values that it may have, in lower case; empty for any value.
        others: Names of ours that begin otherwise.
    """
    for name, value in environ.items():
        upper = name.upper()
        if name in known:
            words = known[name]
            if words and (said := unquoted(value).lower()) and said not in words:
                yield f"environment variable {name}: expected {' or '.join(map(repr, words))}, got {value!r}; it has no effect."
        elif upper.startswith(prefix):
            near = nearest(upper, known)
            meant = f"{near} is probably meant." if near else f"There are {', '.join(sorted(known))}."
            yield f"environment variable {name} is not known and has no effect. {meant}"
        elif upper.startswith(tuple(own[:_ALIKE] for own in (prefix, *others))) and name not in others:
            near = nearest(upper, (*known, *others), VERY_CLOSE)
            if near:
                yield f"environment variable {name} is not known and has no effect. {near} is probably meant."
