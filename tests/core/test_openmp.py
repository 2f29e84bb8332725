import os
import subprocess
import sys

import pytest

from playground.core.openmp import TURNS, spin_briefly
from playground.settings import ROOT


def test_threads_spin_briefly_where_nobody_said_how_long():
    said = {}
    spin_briefly(said)
    assert said == {"GOMP_SPINCOUNT": TURNS}


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_was_said_holds(name):
    said = {name: "of the owner"}
    spin_briefly(said)
    assert said == {name: "of the owner"}


def test_it_is_said_before_torch_is_there():
    look = """
import os, sys
class Look:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("GOMP_SPINCOUNT"), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Look())
from playground.engine import stack
stack.import_all()
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP_", "OMP_"))}
    told = subprocess.run([sys.executable, "-c", look], cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [TURNS]
