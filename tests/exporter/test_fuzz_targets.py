"""The targets of ``make fuzz``, on a few inputs of each kind; there atheris makes up many more."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
try:
    import targets
finally:
    sys.path.pop(0)

pytestmark = pytest.mark.usefixtures("caplog")

FOUND = {
    "scheme in capitals": ("connection_strings", b"IngestionEndpoint=hTtps://h.test/"),
    "member without a group": (
        "tracebacks",
        b"  +---------------- 1 ----------------\n  + Exception Group Traceback (most recent call last):",
    ),
}
"""What atheris has found, so that it stays found."""


@st.composite
def mutated(draw, seeds):
    """Return a seed with a piece replaced, or anything."""
    seed = draw(st.sampled_from([*seeds, b""]))
    start = draw(st.integers(0, len(seed)))
    end = draw(st.integers(start, len(seed)))
    return seed[:start] + draw(st.binary(max_size=20)) + seed[end:]


@pytest.mark.parametrize("name", targets.TARGETS)
def test_targets(name):
    """Whatever comes in, nothing raises but our own errors, and what each target asserts holds."""

    @given(mutated(targets.SEEDS[name]))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def run(data):
        targets.TARGETS[name](data)

    run()


@pytest.mark.parametrize(("name", "data"), FOUND.values(), ids=FOUND)
def test_what_was_found(name, data):
    """Inputs that once raised do no more."""
    targets.TARGETS[name](data)


def test_every_target_has_seeds():
    """A target without an input to begin with would take hours to find the form of its inputs."""
    assert targets.SEEDS.keys() == targets.TARGETS.keys()
