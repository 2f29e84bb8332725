"""Twenty seconds of the soak, in a process of its own; `python -m tests.soak --minutes 10` is the long one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.timeout(300)
def test_nothing_is_left_behind_and_nothing_was_violated():
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-m", "tests.soak", "--minutes", "0.3", "--seed", "1"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "0 violations" in done.stdout.splitlines()[-1]
