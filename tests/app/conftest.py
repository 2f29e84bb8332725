"""What the tests of generated code share: each module says in its own `home` which models are there."""

import pytest

from tests.app import made
from tests.app.made import ROOT
from tests.app.warm import interpreter


@pytest.fixture(scope="module")
def service(home):
    with made.service_of(home) as service:
        yield service


@pytest.fixture(scope="module")
def warm(home):
    with interpreter(ROOT, HF_HOME=str(home)) as run:
        yield run
