"""``census-compat guide``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat._cli import main
from opencensus_compat.guide.pages import sections

GUIDE = Path(__file__).resolve().parents[2] / "migration_guide"
TEXT = """\
# Losses
About items.
## By reason
```sh
# no heading
```
### full
The queue is full.
## By host
"""


@pytest.fixture
def guide(capsys):
    """Run the command; its exit code, what it printed, and what it complained about."""

    def run(*words):
        code = main(["guide", *words])
        return code, *capsys.readouterr()

    return run


def test_sections_of_a_page():
    """A section goes as far as the next heading of its level; a comment in a block of code is no heading."""
    assert [(section.title, section.level) for section in sections("losses", TEXT)] == [
        ("Losses", 1),
        ("By reason", 2),
        ("full", 3),
        ("By host", 2),
    ]
    whole, by_reason, *_ = sections("losses", TEXT)
    assert whole.own_text == "# Losses\nAbout items."
    assert by_reason.text.splitlines()[0] == "## By reason"
    assert by_reason.text.endswith("The queue is full.")


def test_pages_are_listed(guide):
    """Without a word, each page is listed with its title, the index aside."""
    code, shown, _ = guide()
    names = [line.split()[0] for line in shown.splitlines()]
    assert code == 0
    assert names == sorted(page.stem for page in GUIDE.glob("*.md") if page.stem != "README")
    assert "faq                    Frequent questions" in shown


@pytest.mark.parametrize("name", ["losses", "losses.md"])
def test_a_page(guide, name):
    """The name of a page shows it as it is in the repository."""
    code, shown, _ = guide(name)
    assert (code, shown) == (0, (GUIDE / "losses.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "words", [("losses", "Reasons for losses"), ("losses.md#reasons-for-losses",), ("losses", "reasons", "for", "losses")]
)
def test_a_section_as_it_is_written_or_linked(guide, words):
    """A page and a heading, or a link to it, show that section alone."""
    code, shown, _ = guide(*words)
    assert code == 0
    assert shown.startswith("## Reasons for losses\n")


def test_words_list_the_sections_that_have_them(guide):
    """Words list the sections that have all of them, headings first."""
    code, shown, _ = guide("queue", "FULL")
    first, *others = (line.split(maxsplit=1) for line in shown.splitlines())
    assert (code, first) == (0, ["differences", "The queue is full"])
    assert ["limits", "Queues"] in others


def test_a_single_section_with_the_words_is_shown(guide):
    """What only one section says is shown at once."""
    code, shown, _ = guide("differences", "half of a surrogate")
    assert code == 0
    assert shown.startswith("### limits\n")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_an_encoding_has_not(encoding):
    """A sign that the encoding of the output has not is escaped, and a reader that has gone ends the command quietly."""
    command = [sys.executable, "-m", "opencensus_compat", "guide"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    shown = subprocess.run(
        [*command, "differences", "limits"], env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert ("\\ufffd" in shown.stdout) == (encoding == "ascii")
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "wb") as nobody:
        gone = subprocess.run([*command, "differences"], env=environment, stdout=nobody, stderr=subprocess.PIPE, text=True, check=False)
    assert (gone.returncode, gone.stderr) == (0, "")


def test_a_word_that_no_section_has(guide):
    """A name like that of a page is taken as a mistyped one; other words are told where pages are listed."""
    assert guide("losess") == (1, "", "census-compat guide: no section has 'losess'; did you mean 'losses'?\n")
    assert guide("xyzzy", "plugh") == (1, "", "census-compat guide: no section has 'xyzzy plugh'; census-compat guide lists the pages\n")
