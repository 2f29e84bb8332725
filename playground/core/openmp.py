"""How long OpenMP's threads spin: said once, before the first library that brings OpenMP (PyTorch) is loaded.

After each parallel loop GNU's OpenMP lets its threads spin, by default for 300,000 turns (some 15 ms), lest they have to be woken
for the next one. The loops of one forward pass follow within microseconds. Longer spinning only takes the core from
whoever else wants it: the threads that speak HTTP here, and every other program. On two cores that others use too, a server of 32
clients fell to a tenth of its requests.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

TURNS = "4000"  # about 0.2 ms
_SAID = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def spin_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Where the environment says nothing of it. Without effect where OpenMP is there already, or is another than GNU's."""
    if not any(name in environment for name in _SAID):
        environment["GOMP_SPINCOUNT"] = TURNS
