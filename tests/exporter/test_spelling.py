"""Quotes that are taken off, and names that are nearly right."""

from __future__ import annotations

import pytest

from appinsights_exporter.spelling import nearest, unquoted, variable_problems

KNOWN = {"OURS_SEND": (), "OURS_FLUSH": ("1", "0")}


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ('"a b"', "a b"),
        (" ' a ' ", "a"),
        ("'\"a\"'", "a"),
        ("\u201ca\u201d", "a"),
        ('a"', 'a"'),
        ('"', '"'),
        ("''", ""),
        ("\ufeff \u200b'a'\u2060\n", "a"),
        ("\"a'", "\"a'"),
    ],
)
def test_quotes_go_in_pairs(text, inner):
    """Quotes around the whole text go, however many; a single one is part of it."""
    assert unquoted(text) == inner


def test_the_nearest_name():
    """Capitals do not matter; a name that is like none gives none."""
    assert nearest("instrumentatonkey", ["IngestionEndpoint", "InstrumentationKey"]) == "InstrumentationKey"
    assert nearest("colour", ["IngestionEndpoint", "InstrumentationKey"]) is None


PROBLEMS = {
    "right": ({"OURS_SEND": "anything", "OURS_FLUSH": ' "1" '}, []),
    "empty": ({"OURS_FLUSH": " "}, []),
    "value": ({"OURS_FLUSH": "nope"}, ["OURS_FLUSH: expected '1' or '0', got 'nope'; it has no effect."]),
    "misspelt": ({"OURS_FLUHS": "1"}, ["OURS_FLUHS is not known and has no effect. OURS_FLUSH is probably meant."]),
    "small letters": ({"ours_send": "x"}, ["ours_send is not known and has no effect. OURS_SEND is probably meant."]),
    "like none": ({"OURS_COLOUR": "x"}, ["OURS_COLOUR is not known and has no effect. There are OURS_FLUSH, OURS_SEND."]),
    "misspelt where all names begin": ({"OURSSEND": "x"}, ["OURSSEND is not known and has no effect. OURS_SEND is probably meant."]),
    "another's that begins alike": ({"OURSELVES": "x", "OURSHARED": "x"}, []),
    "another's": ({"PATH": "x"}, []),
    "shared, with another beginning": (
        {"SHARED_STRNG": "x", "SHARES_OF": "x"},
        ["SHARED_STRNG is not known and has no effect. SHARED_STRING is probably meant."],
    ),
    "shared": ({"OURS2_STRING": "x", "OURS2_STRNG": "x"}, ["OURS2_STRNG is not known and has no effect. OURS2_STRING is probably meant."]),
}


@pytest.mark.parametrize(("environ", "said"), PROBLEMS.values(), ids=PROBLEMS)
def test_variables_without_effect(environ, said):
    """Each variable that is set in vain is named beside the nearest that there is, or the values that it may have; others are left alone."""
    problems = list(variable_problems(environ, "OURS_", KNOWN, ["OURS2_STRING", "SHARED_STRING"]))
    assert problems == [f"environment variable {each}" for each in said]
