"""Labels over the wire: many, several at once, a visitor's own; whatever an endpoint replies is an answer or one sentence."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.errors import BadReply, PlaygroundError
from playground.core.types import Labels, MultiLabels, Source
from playground.gateway import start_gateway
from playground.tasks.intent import TASK as INTENT
from playground.tasks.topics import TASK as TOPICS
from playground.tasks.zero_shot import TASK as ZERO_SHOT
from playground.tiers.hosted_logprobs import label_scores, tokens_from
from playground.tiers.hosted_reply import Reply, output_of
from playground.tiers.hosted_request import TOP_LOGPROBS
from tests.gateway.word_runtime import ENCODER, WordRuntime
from tests.tiers.hosted_helpers import live, run, tier_for
from tests.tiers.hosted_helpers import settings as settings_of
from tests.tiers.scripted_server import Serve, refuses, streamed, whole

TEXT = "my card was swallowed, what a joy"
OWN = ("a, b", "<b>c</b>", 'say "hi"', "🙂 ملصق", "joy")
MANY = ZERO_SHOT.bound({"labels": "\n".join(OWN), "many": "1"})
ONE = ZERO_SHOT.bound({"labels": "\n".join(OWN)})


def rows(*named: Any) -> str:
    return json.dumps({"labels": list(named)}, ensure_ascii=False)


def row(label: Any, confidence: Any = 0.9) -> dict[str, Any]:
    return {"label": label, "confidence": confidence}


def test_several_labels_with_what_the_model_says_of_them(serve: Serve) -> None:
    content = rows(row("joy", 0.6), row("Amusement", 0.8), row("joy", 0.7), "surprise")
    server = serve(streamed([content[:25], content[25:]]))
    last = run(live(server.base_url), TEXT, task=TOPICS).finished
    assert last.output.labels == ("amusement", "joy", "surprise")
    assert [(one.label, one.score, one.threshold) for one in last.output.scores] == [
        ("amusement", 0.8, None), ("joy", 0.7, None), ("surprise", None, None),
    ]  # fmt: skip
    assert last.output.score_source == "stated"
    (body,) = server.asked
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["schema"] == TOPICS.schema()
    assert "logprobs" not in body  # of a list they would tell about its order


def test_none_is_an_answer(serve: Serve) -> None:
    assert run(live(serve(whole(rows())).base_url), TEXT, task=TOPICS).finished.output == MultiLabels((), (), "stated")


@pytest.mark.parametrize(
    "content",
    [
        "", "null", "[]", "{}", '{"labels": null}', '{"labels": "joy"}', '{"labels": {"label": "joy"}}', '{"label": "joy"}',
        rows(row("joy"), row("happiness")), rows(row(None)), rows(1), rows(None), rows([]), rows(row(["joy"])),
        rows(row("joy"))[:-4],
    ],
)  # fmt: skip
def test_a_broken_reply_is_one_sentence(serve: Serve, content: str) -> None:
    error = run(live(serve(whole(content)).base_url), TEXT, task=TOPICS).failed.error
    assert isinstance(error, BadReply)
    assert str(error).endswith(".")
    assert len(str(error)) < 400


def test_a_label_that_is_not_there_is_named_in_a_short_sentence(serve: Serve) -> None:
    error = run(live(serve(whole('{"label": "greeting", "confidence": 1}')).base_url), TEXT, task=INTENT).failed.error
    assert isinstance(error, BadReply)
    assert "and 66 more" in str(error)


def test_an_endpoint_without_structured_output_is_told_the_labels_in_words(serve: Serve) -> None:
    server = serve(refuses(400, "response_format is not supported"), whole(f"Sure!\n```json\n{rows(row(OWN[1]))}\n```"))
    last = run(live(server.base_url), TEXT, task=MANY).finished
    assert last.output.labels == (OWN[1],)
    assert json.dumps(MANY.schema(), ensure_ascii=False) in server.asked[1]["messages"][0]["content"]


def test_the_visitors_labels_are_the_schemas_choices_as_they_were_written(serve: Serve) -> None:
    server = serve(whole(json.dumps({"label": OWN[2], "confidence": 0.5})))
    last = run(live(server.base_url), TEXT, task=ONE).finished
    assert last.output.label == OWN[2]
    asked = server.asked[0]["response_format"]["json_schema"]["schema"]["properties"]["label"]
    assert asked["enum"] == list(OWN)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.sampled_from(OWN),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["labels", "label", "confidence", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("task", [ONE, MANY], ids=["one", "many"])
@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_reply_is_an_answer_within_the_labels_or_one_of_our_errors(task: Any, value: Any) -> None:
    try:
        output = output_of(task, Reply(content=json.dumps(value), choices=1, finish_reason="stop"), TEXT)
    except PlaygroundError:
        return
    given_ = (output.label,) if isinstance(output, Labels) else output.labels
    assert set(given_) <= set(OWN)
    assert len(set(given_)) == len(given_)
    assert all(one.score is None or 0 <= one.score <= 1 for one in output.scores)


# -- the stand-in


@pytest.fixture(scope="module")
def stand_in() -> Any:
    gateway = start_gateway(WordRuntime(), ENCODER)
    yield tier_for(settings_of(hosted_timeout=60.0), gateway)
    gateway.close()


@pytest.mark.parametrize("task", [INTENT, TOPICS, ONE, MANY], ids=["intent", "topics", "one", "many"])
def test_the_stand_in_answers(stand_in: Any, task: Any) -> None:
    last = run(stand_in, "joy, what joy", task=task, model=None).finished
    assert last.stats.source is Source.STAND_IN
    assert last.output.kind == task.kind
    assert last.output.score_source == ("logprobs" if task.kind == Labels.kind else "stated")
    if task is MANY:
        assert "joy" in last.output.labels


@pytest.mark.parametrize("many", ["", "1"])
def test_the_stand_in_answers_500_labels(stand_in: Any, many: str) -> None:
    task = ZERO_SHOT.bound(
        {"labels": "\n".join([f"{number} {'y' * 190}" for number in range(499)] + [TEXT]), "many": many}
    )
    output = run(stand_in, TEXT, task=task, model=None).finished.output
    assert TEXT in (output.labels if many else (output.label,))


# -- probabilities of more labels than are listed


def token(text: str, probability: float, *others: tuple[str, float]) -> dict[str, Any]:
    top = [{"token": t, "bytes": None, "logprob": math.log(p)} for t, p in [(text, probability), *others]]
    return {"token": text, "bytes": None, "logprob": math.log(probability), "top_logprobs": top}


def scores(rows: list[dict[str, Any]], labels: tuple[str, ...]) -> dict[str, float]:
    found = label_scores(tokens_from(rows), "label", labels)
    assert found is not None
    return {one.label: one.score for one in found}


def test_labels_that_were_not_listed_share_what_is_left() -> None:
    labels = tuple(f"{letter}{letter}" for letter in "abcdefghijklmnopqrst")  # 20
    listed = [(label, 0.05) for label in labels[1:TOP_LOGPROBS]]
    found = scores([token('{"label": "', 1.0), token("aa", 0.25, *listed), token('"}', 1.0)], labels)
    assert found["aa"] == pytest.approx(0.25)
    assert found["bb"] == pytest.approx(0.05)
    assert found["tt"] == pytest.approx(0.03)  # (1 - 0.25 - 9 * 0.05) / 10
    assert sum(found.values()) == pytest.approx(1)


def test_none_of_them_gets_more_than_the_least_that_was_listed() -> None:
    rows = [token('{"label": "', 1.0), token("aa", 0.3, ("42", 0.1)), token('"}', 1.0)]
    assert scores(rows, ("aa", "bb")) == pytest.approx({"aa": 0.75, "bb": 0.25})


def test_an_endpoint_that_lists_nothing_else() -> None:
    rows = [token('{"label": "', 1.0), token("aa", 0.9), token('"}', 1.0)]
    assert scores(rows, ("aa", "bb", "cc")) == pytest.approx({"aa": 0.9, "bb": 0.05, "cc": 0.05})


def test_a_quote_inside_a_label_does_not_end_it() -> None:
    labels = ('say "hi"', 'say "ho"', "say")
    rows = [
        token('{"label": "', 1.0),
        token('say \\"h', 0.8, ('say"', 0.2)),
        token("i", 0.75, ("o", 0.25)),
        token('\\""}', 1.0),
    ]
    assert scores(rows, labels) == pytest.approx({'say "hi"': 0.6, 'say "ho"': 0.2, "say": 0.2})


@given(st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=8, unique_by=str.casefold), st.data())
@settings(max_examples=200, deadline=None)
def test_probabilities_of_any_labels_add_up_to_one(labels: list[str], data: Any) -> None:
    spelled = [json.dumps(label, ensure_ascii=False)[1:-1] for label in labels]
    shares = [data.draw(st.floats(0.01, 1)) for _ in labels]
    listed = data.draw(st.integers(1, len(labels)))
    both = sorted(zip(spelled, shares, strict=True), key=lambda one: -one[1])[:listed]
    top = [(name + '"', share / sum(shares)) for name, share in both]
    found = label_scores(tokens_from([token('{"label": "', 1.0), token(*top[0], *top[1:])]), "label", labels)
    if found is not None:
        assert sum(one.score for one in found) == pytest.approx(1)
        assert min(one.score for one in found) >= 0
