"""``census-compat guide``: the guide in a terminal, where the repository is not at hand."""

from __future__ import annotations

import argparse
import difflib
import os
import pydoc
import sys
from typing import TYPE_CHECKING

from opencensus_compat.local.commands.terminal import write

from .pages import Section, pages, sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NOTHING_FOUND = 1
_NO_PAGES = 2
_DESCRIPTION = """\
Show the guide.

  census-compat guide                     the pages
  census-compat guide losses              a page
  census-compat guide differences limits  the section "limits" of a page
  census-compat guide fork                the sections that have a word
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("words", nargs="*", metavar="WORD", help="a page, a page and a section of it, or words to look for")


def run(namespace: argparse.Namespace) -> int:
    """Run the command.

    Returns: the exit code: 0 shown, 1 nothing found, 2 this installation has no pages.
    """
    if not pages():
        sys.stderr.write("census-compat guide: expected the pages beside the package, found none; install census-compat again\n")
        return _NO_PAGES
    words: Sequence[str] = [word for each in namespace.words for word in each.replace("#", " ").split()]
    if not words:
        return _shown(_listed(page for name, page in pages().items() if name != "README"))
    page = pages().get(words[0].removesuffix(".md"))
    if page is not None and len(words) == 1:
        return _shown(page.text)
    if page is not None:
        named = [section for section in sections(page.page, page.text)[1:] if _plain(section.title) == _plain(" ".join(words[1:]))]
        if named:
            return _shown(named[0].text)
    found = _with_words(words if page is None else words[1:], [page] if page else pages().values())
    if not found:
        near = difflib.get_close_matches(words[0], pages(), n=1)
        meant = f"; did you mean {near[0]!r}?" if near and page is None else "; census-compat guide lists the pages"
        sys.stderr.write(f"census-compat guide: no section has {' '.join(words)!r}{meant}\n")
        return _NOTHING_FOUND
    return _shown(found[0].text if len(found) == 1 else _listed(found))


def _with_words(words: Sequence[str], within: Iterable[Section]) -> list[Section]:
    """Return the sections with all words, those that have them in their heading first."""
    wanted = [word.casefold() for word in words]
    every = [section for page in within for section in sections(page.page, page.text)]
    found = [section for section in every if all(word in section.own_text.casefold() for word in wanted)]
    return sorted(found, key=lambda section: not all(word in section.title.casefold() for word in wanted))


def _listed(found: Iterable[Section]) -> str:
    """Return a line for each section: its page and its heading, which show it when they are typed."""
    rows = [(section.page, section.title) for section in found]
    width = max(len(page) for page, _ in rows)
    return "\n".join(f"{page:<{width}}  {title}" for page, title in rows)


def _plain(title: str) -> str:
    """Return a heading as links and people write it: in small letters, of words alone."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in title.casefold()).split())


def _shown(text: str) -> int:
    """Show a text, page by page on a terminal."""
    try:
        if sys.stdout.isatty():
            pydoc.pager(text + "\n")
        else:
            write(text)
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not flush into it as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
