"""Facts as text, and back."""

from __future__ import annotations

import pytest

from opencensus_compat.doctor.facts import Absent, Facts, from_json, to_json
from opencensus_compat.doctor.sections.versions import Installed, Versions

VERSIONS = Versions((3, 13, 0), "cpython", (Installed("requests", "2.32.0", "/site", ("urllib3",)),), ("six",))


def test_there_and_back(facts):
    """Facts are the same after they were text, those of this environment and some without sections."""
    for each in (facts, Facts(), Facts(versions=VERSIONS), Facts(versions=Absent("It is broken: \ud800."))):
        assert from_json(to_json(each)) == each


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[]", "facts: expected an object with .*versions", id="no object"),
        pytest.param(
            to_json(Facts(versions=VERSIONS)).replace('"cpython"', "3"),
            r"facts\.versions\.implementation: expected str, got int",
            id="another type",
        ),
        pytest.param(
            to_json(Facts(versions=VERSIONS)).replace("[3,13,0]", "[3]"),
            r"facts\.versions\.python: expected 3 items, got 1",
            id="too short",
        ),
        pytest.param("{", "Expecting property name", id="no JSON"),
    ],
)
def test_other_texts(text, message):
    """A text that is none of facts is refused with the place."""
    with pytest.raises(ValueError, match=message):
        from_json(text)


def test_what_facts_cannot_hold():
    """A value of another type is refused where the text is made."""
    with pytest.raises(TypeError, match="not dict"):
        to_json(Facts(versions=Versions((3, 13, 0), {}, ())))
