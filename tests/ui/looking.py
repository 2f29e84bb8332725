"""The attention page's questions to a service over fakes."""

import asyncio
import json
from contextlib import contextmanager

from playground.ui import attention_tab  # noqa: F401  (the questions register themselves)
from playground.ui.actions import reply
from playground.ui.session import PageStates
from tests.fakes.service import FakePlayground

ENCODER, DECODER, REWRITER = "bundled/sentiment-general", "bundled/generation-general", "bundled/translation-general"
TEXT = "The wonderful dog, the dog!"
EVIL = "</script><!-- <img src=x onerror=alert(1)> &lt; 👩‍🚀 שלום \ud800"
PAGE = "a" * 24


@contextmanager
def fake_service():
    service = FakePlayground()
    try:
        yield service
    finally:
        service.close()


def asking(service, **usual):
    """Asks as the page does, and reads the reply as JSON. usual: what is sent where a question says nothing else."""
    pages = PageStates()

    def ask(do, **data):
        sent = {"model": ENCODER, "text": TEXT, **usual, **data, "do": do}
        return json.loads(json.dumps(asyncio.run(reply(service, pages, PAGE, sent)), allow_nan=False))

    return ask
