import pytest

from playground.catalog import Catalog, Checkpoint, Serves
from playground.core.calls import Classify
from playground.core.cancel import Cancel
from playground.core.credentials import SessionCredentials
from playground.core.events import Failed, Finished
from playground.core.types import Request, Source
from playground.settings import Settings
from playground.tasks import find_tasks
from playground.tiers import pretrained, scratch
from playground.tiers.context import TierContext
from tests.fakes.runtime import FakeRuntime

TASK = find_tasks().get("sentiment")


def checkpoint(name, tmp_path, *, here=True, **changes):
    if here:
        (tmp_path / name).mkdir()
    row = dict(  # noqa: C408
        id=f"bundled/{name}",
        title=name,
        loader="scratch-classifier",
        licence="CC0",
        provenance="a test",
        folder=name,
        size_mb=1,
        labels=("negative", "positive"),
        serves=(Serves(task="sentiment", tier="scratch"),),
    )
    return Checkpoint(**row | changes)


def tier(tmp_path, *checkpoints, module=scratch, runtime=None):
    context = TierContext(
        Settings(space_id=None),
        Catalog(tmp_path, list(checkpoints)),
        runtime or FakeRuntime(),
        None,
        SessionCredentials(),
    )
    return module.build(context)


def last_event(tier, request):
    import threading

    events, done = [], threading.Event()

    def emit(event):
        events.append(event)
        if isinstance(event, Finished | Failed):
            done.set()

    tier.start(TASK, request, emit, Cancel())
    assert done.wait(5)
    return events[-1]


def test_the_first_checkpoint_that_is_here_answers(tmp_path):
    one = tier(
        tmp_path,
        checkpoint("absent", tmp_path, here=False),
        checkpoint("first", tmp_path),
        checkpoint("second", tmp_path),
    )
    event = last_event(one, Request("fine"))
    assert isinstance(event, Finished)
    assert (event.stats.model, event.stats.source, event.stats.cost_usd) == ("bundled/first", Source.BUNDLED, 0.0)
    assert last_event(one, Request("fine", model="bundled/second")).stats.model == "bundled/second"


def test_the_picker_shows_what_is_here_first_and_why_the_rest_is_not(tmp_path):
    one = tier(tmp_path, checkpoint("absent", tmp_path, here=False), checkpoint("first", tmp_path))
    rows = one.choices(TASK, "")
    assert [(row.id, row.available) for row in rows] == [("bundled/first", True), ("bundled/absent", False)]
    assert rows[1].why_not


@pytest.mark.parametrize(("model", "kind"), [("nobody/nothing", "unknown_name"), ("bundled/absent", "not_here")])
def test_what_cannot_answer_fails_in_one_sentence(tmp_path, model, kind):
    event = last_event(tier(tmp_path, checkpoint("absent", tmp_path, here=False)), Request("fine", model=model))
    assert isinstance(event, Failed)
    assert event.error.kind == kind


def test_a_tier_that_nothing_serves_says_what_would_make_it_work(tmp_path):
    empty = tier(tmp_path, checkpoint("first", tmp_path), module=pretrained)
    support = empty.supports(TASK)
    assert not support
    assert "assets/catalog.toml" in support.reason
    assert last_event(empty, Request("fine")).error.kind == "not_supported"


def test_the_call_carries_text_user_and_model(tmp_path):
    calls = []

    class Recording(FakeRuntime):
        def submit(self, call, emit, cancel):
            calls.append(call)
            return super().submit(call, emit, cancel)

    last_event(tier(tmp_path, checkpoint("first", tmp_path), runtime=Recording()), Request("fine", session="me"))
    (call,) = calls
    assert isinstance(call, Classify)
    assert (call.text, call.user, call.model.id, call.model.labels) == (
        "fine",
        "me",
        "bundled/first",
        ("negative", "positive"),
    )
