"""The bundled readers and a long context: read to its last paragraph."""

from __future__ import annotations

import pytest

from playground.compose import compose
from playground.core.extract_task import CONTEXT
from playground.settings import Settings
from playground.tasks import find_tasks
from playground.training.questions import knowledge_base

LENGTH = 50_000  # characters


@pytest.fixture(scope="module")
def service():
    service = compose(Settings(space_id=None, openai_api_key=None, local_server_url=None, device="cpu", deadline=300))
    yield service
    service.close()


@pytest.fixture(scope="module")
def context():
    """The articles of the knowledge base again and again, and behind them the last paragraph of the task's long example."""
    split = knowledge_base()
    articles = list(dict.fromkeys(q.context for part in (split.train, split.valid, split.held["test"]) for q in part))
    garden = next(dict(e.values)[CONTEXT] for e in find_tasks().get("qa").examples if e.title == "long text")
    filler = "\n\n".join(articles * 2)[:LENGTH]
    return filler + "\n\n" + garden.split("\n\n")[-1]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which bell do I ring to see the bees' homes?", "brass fish"),
        ("Who does the other bell belong to?", "dentist"),
    ],
)
def test_the_answer_stands_in_the_last_paragraph_of_50000_characters(service, context, question, answer):
    handle = service.start(
        "qa",
        question,
        session="me",
        tiers=("pretrained", "finetuned"),
        values={CONTEXT: context},
        emit=lambda event: None,
    )
    assert handle.wait(300)
    for result in handle.record().results:
        assert result.error is None
        found = result.output
        assert answer in found.answer
        assert found.start > LENGTH
        assert context[found.start : found.end] == found.answer
