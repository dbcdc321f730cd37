"""Which lines must have run for a use to have run."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.verify.statements import Statements

SOURCE = b"""import a

@a.traced
def work(
    number,
):
    with a.span(
        name="x",
    ) as span:
        span.add(
            number,
        )
    try:
        a.run()
    except (
        ValueError,
    ):
        a.stop(); a.go()
    else:
        pass
    if number: a.one()
    return {
        "a": 1,
    }


async def more():
    match a.b:
        case 1:
            a.two()
        case _ if (
            a.c
        ):
            a.three()
"""


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        (1, 1, 1),
        (3, 3, 6),
        (5, 3, 6),
        (8, 7, 9),
        (11, 10, 12),
        (14, 14, 14),
        (16, 15, 17),
        (18, 18, 18),
        (21, 21, 21),
        (23, 22, 24),
        (27, 27, 27),
        (30, 30, 30),
        (32, 31, 33),
        (34, 34, 34),
        (99, 99, 99),
    ],
)
def test_the_smallest_statement_around_a_line(line, first, last):
    """A statement with a block counts by its head alone: its block may not have run."""
    found = Statements(SOURCE).around(line)
    assert (found[0], found[-1]) == (first, last)


@pytest.mark.parametrize("source", [b"def (", b"\xff", b"\0"])
def test_what_does_not_parse(source):
    """Each line stands for itself."""
    assert list(Statements(source).around(3)) == [3]
