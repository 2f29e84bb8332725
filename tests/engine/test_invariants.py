"""The cache keeps its invariants: each by itself, then all of them under seeded stress."""

import pytest

from . import invariants


@pytest.mark.parametrize("name", invariants.CHECKS)
def test_invariant(name):
    assert invariants.failure_of(invariants.CHECKS[name]) is None
