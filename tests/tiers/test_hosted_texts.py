"""The hosted tier writes plain texts: streamed by a real server to the real openai client."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import queue
import threading
from typing import Any

import pytest

from playground.core.cancel import Cancel
from playground.core.errors import NotSupported
from playground.core.events import LAST, Cancelled, Event, Partial
from playground.core.types import Request, Source
from playground.core.writing_task import WritingTask
from playground.core.writing_types import Text
from playground.tasks.generation import TASK as GENERATION
from playground.tasks.translation import TASK as TRANSLATION
from playground.tiers.hosted import HostedTier
from playground.tiers.hosted_request import ROOM_TO_THINK, TOP_LOGPROBS, most_input_tokens
from tests.tiers.hosted_helpers import KEY, FixedGateway, Ran, live, settings, tier_for
from tests.tiers.hosted_helpers import run as run_any
from tests.tiers.scripted_server import Seen, Serve, chunk, refuses, streamed, whole

PROMPT = "It was a cold morning in March, and the old man had not"
PIECES = (" yet", " lit", " the", " stove", ".")


def task(base: WritingTask = GENERATION, **values: str) -> WritingTask:
    return base.bound(values)


def run(tier: HostedTier, text: str = PROMPT, *, task: Any = GENERATION, **more: Any) -> Ran:
    return run_any(tier, text, task=task, **more)


def said(ran: Ran) -> list[str]:
    return [event.delta for event in ran.events if isinstance(event, Partial)]


def row(token: str | bytes, probability: float, *others: tuple[str, float]) -> dict[str, Any]:
    raw = token.encode() if isinstance(token, str) else token
    shown = raw.decode("utf-8", "backslashreplace")
    top = [(shown, list(raw), probability), *((text, list(text.encode()), p) for text, p in others)]
    rows = [{"token": text, "bytes": data, "logprob": math.log(p)} for text, data, p in top]
    return {**rows[0], "top_logprobs": rows}


def test_a_text_comes_in_pieces_and_is_whole_in_the_end(serve: Serve) -> None:
    ran = run(live(serve(streamed(PIECES)).base_url))
    assert said(ran) == list(PIECES)
    assert ran.finished.output == Text(" yet lit the stove.", ended="stop")


def test_the_first_piece_is_shown_before_the_second_is_sent(serve: Serve) -> None:
    seen_first = threading.Event()

    async def script(seen: Seen) -> None:
        await seen.begin_events()
        await seen.event(chunk(" yet"))
        while not seen_first.is_set():
            await asyncio.sleep(0.01)
        await seen.event(chunk(" lit", "stop"))
        await seen.event("[DONE]")
        await seen.end_events()

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    tier = live(serve(script).base_url)
    tier.start(GENERATION, Request(PROMPT, "gpt-test", "s"), events.put, Cancel())
    got = [events.get(timeout=10)]
    while not isinstance(got[-1], Partial):
        got.append(events.get(timeout=10))
    assert got[-1].delta == " yet"
    seen_first.set()
    while not isinstance(got[-1], LAST):
        got.append(events.get(timeout=10))
    assert Ran(got).finished.output.text == " yet lit"


def test_the_request_has_the_settings_and_no_schema(serve: Serve) -> None:
    server = serve(streamed(PIECES))
    run(live(server.base_url), task=task(temperature="0.7", top_p="0.5", seed="7", length="40", top_k="9"))
    assert server.asked[0] == {
        "model": "gpt-test",
        "messages": [{"role": "system", "content": GENERATION.instruction}, {"role": "user", "content": PROMPT}],
        "temperature": 0.7,
        "top_p": 0.5,
        "seed": 7,
        "max_completion_tokens": 40,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_probabilities_are_asked_for_only_where_they_are_wanted(serve: Serve) -> None:
    server = serve(streamed(PIECES))
    run(live(server.base_url))
    run(live(server.base_url), task=task(details="1"))
    assert "logprobs" not in server.asked[0]
    assert (server.asked[1]["logprobs"], server.asked[1]["top_logprobs"]) == (True, TOP_LOGPROBS)


def test_settings_that_the_api_does_not_have_are_named_where_they_would_change_something(serve: Serve) -> None:
    server = serve(streamed(PIECES))
    neutral = task(repetition_penalty="1", top_k="0", beams="1")
    assert run(live(server.base_url), task=neutral).finished.stats.note is None
    note = run(live(server.base_url), task=task(repetition_penalty="1.3", top_k="50", beams="4")).finished.stats.note
    assert "top-k, repetition penalty, beams" in note
    assert not {"top_k", "repetition_penalty", "num_beams", "beams"} & server.asked[-1].keys()


@pytest.mark.parametrize(
    ("param", "message", "left_out"),
    [
        ("seed", "Unsupported parameter: 'seed' is not supported with this model.", "seed"),
        ("top_p", "Unsupported parameter: 'top_p' is not supported with this model.", "top_p"),
        (None, "`temperature` and `top_p` cannot both be specified for this model.", "top_p"),
        ("temperature", "Unsupported value: 'temperature' does not support 0.8", "temperature"),
        ("logprobs", "'logprobs' is not supported with this model", "logprobs"),
        ("max_completion_tokens", "Unrecognized request argument", "max_completion_tokens"),
    ],
)
def test_a_refused_setting_is_left_out_and_named(serve: Serve, param: str | None, message: str, left_out: str) -> None:
    server = serve(refuses(400, message, param), streamed(PIECES))
    tier = live(server.base_url)
    asked = task(details="1", repetition_penalty="1", seed="3")
    first = run(tier, task=asked).finished
    assert first.output.text == " yet lit the stove."
    assert first.stats.note.count(left_out) == 1
    assert left_out not in server.asked[1]
    assert {*server.asked[0]} - {*server.asked[1]} <= {left_out, "top_logprobs"}
    second = run(tier, task=asked).finished.stats.note
    assert len(server.asked) == 3  # remembered
    if left_out in ("seed", "top_p", "temperature"):
        assert left_out.replace("_", "-") in second  # still said: it changes nothing


@pytest.mark.parametrize(("finish", "ended"), [("length", "length"), ("stop", "stop"), ("tool_calls", ""), ("eos", "")])
def test_why_the_text_ended(serve: Serve, finish: str, ended: str) -> None:
    last = run(live(serve(whole(" yet lit", finish)).base_url)).finished
    assert last.output == Text(" yet lit", ended=ended)


def test_a_reply_in_one_piece_is_a_text_too(serve: Serve) -> None:
    ran = run(live(serve(whole(" yet lit")).base_url))
    assert ran.finished.output.text == " yet lit"
    assert ran.finished.stats.time_to_first_token_seconds is None


def test_the_numbers_are_measured_and_speed_is_of_the_writing(serve: Serve) -> None:
    async def slow(seen: Seen) -> None:
        await asyncio.sleep(0.2)
        await seen.begin_events()
        await seen.event(chunk(""))
        for piece in PIECES:
            await asyncio.sleep(0.05)
            await seen.event(chunk(piece))
        await seen.event(chunk(None, "stop"))
        usage = {"prompt_tokens": 50, "completion_tokens": 5, "total_tokens": 55}
        await seen.event({**chunk(None), "choices": [], "usage": usage})
        await seen.event("[DONE]")
        await seen.end_events()

    stats = run(live(serve(slow).base_url)).finished.stats
    assert 0.25 <= stats.time_to_first_token_seconds < stats.latency_seconds
    assert (stats.tokens_in, stats.tokens_out) == (50, 5)
    writing = stats.latency_seconds - stats.time_to_first_token_seconds
    assert stats.tokens_per_second == pytest.approx(4 / writing)
    assert (stats.source, stats.model, stats.revision) == (Source.LIVE, "gpt-test-2026", "fp_1")


def test_without_usage_nothing_is_made_up(serve: Serve) -> None:
    server = serve(refuses(400, "Unknown parameter: 'stream_options'", "stream_options"), streamed(PIECES))
    stats = run(live(server.base_url)).finished.stats
    assert stats.tokens_in is stats.tokens_out is stats.tokens_per_second is stats.cost_usd is None
    assert stats.time_to_first_token_seconds > 0


# -- tokens


def test_each_token_has_its_probability_and_what_else_might_have_stood_there(serve: Serve) -> None:
    rows = [[row(piece, 0.5, (" so", 0.25), (" never", 0.125))] for piece in PIECES]
    ran = run(live(serve(streamed(PIECES, logprobs=rows)).base_url), task=task(details="1"))
    output = ran.finished.output
    assert [token.text for token in output.tokens] == list(PIECES)
    assert output.tokens[0].probability == pytest.approx(0.5)
    assert [choice.text for choice in output.tokens[0].alternatives] == [" yet", " so", " never"]
    assert [choice.probability for choice in output.tokens[0].alternatives] == pytest.approx([0.5, 0.25, 0.125])
    shown = [event for event in ran.events if isinstance(event, Partial)]
    assert tuple(token for event in shown for token in event.tokens) == output.tokens
    assert all("".join(token.text for token in event.tokens) == event.delta for event in shown)


def test_a_character_of_several_tokens_is_whole_once_and_its_tokens_spell_it(serve: Serve) -> None:
    stove, wave = "🔥".encode(), "水".encode()
    rows = [[row(stove[:2], 0.9)], [row(stove[2:], 0.8)], [row(wave[:1], 0.7), row(wave[1:], 0.6), row(" é", 0.5)]]
    ran = run(live(serve(streamed(("", "🔥", "水 é"), logprobs=rows)).base_url), task=task(details="1"))
    output = ran.finished.output
    assert output.text == "🔥水 é"
    assert [token.text for token in output.tokens] == ["", "🔥", "", "水", " é"]
    assert [token.probability for token in output.tokens] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
    assert said(ran) == ["🔥", "水 é"]


def test_characters_split_over_packets_arrive_whole(serve: Serve) -> None:
    text = "Zoë 水 🙂 שלום\r\n e\u0301"

    async def script(seen: Seen) -> None:
        await seen.begin_events()
        body = "".join(
            f"data: {json.dumps(chunk(piece), ensure_ascii=False)}\n\n" for piece in (text[:7], text[7:])
        ) + (f"data: {json.dumps(chunk(None, 'stop'))}\n\ndata: [DONE]\n\n")
        raw = body.encode()
        for at in range(0, len(raw), 7):  # a packet ends anywhere, also inside a character
            part = raw[at : at + 7]
            seen.writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await seen.writer.drain()
            await asyncio.sleep(0)
        await seen.end_events()

    ran = run(live(serve(script).base_url))
    assert ran.finished.output.text == text
    assert "".join(said(ran)) == text


@pytest.mark.parametrize(
    "rows",
    [
        [None, None],
        [[row(" yes", 0.5)], [row(" lit", 0.5)]],  # another text
        [[row(" yet", 0.5)], None],  # not all
        [[{"token": " yet", "logprob": "?"}], [row(" lit", 0.5)]],
    ],
)
def test_probabilities_that_do_not_fit_the_text_are_not_shown(serve: Serve, rows: list[Any]) -> None:
    ran = run(live(serve(streamed((" yet", " lit"), logprobs=rows)).base_url), task=task(details="1"))
    assert ran.finished.output == Text(" yet lit", ended="stop")
    assert "".join(said(ran)) == " yet lit"


def test_the_end_of_text_that_some_servers_count_as_a_token_is_none_of_the_text(serve: Serve) -> None:
    rows = [[row(" yet", 0.5)], [row(" lit", 0.5)], [row("<|im_end|>", 0.9)]]
    ran = run(live(serve(streamed((" yet", " lit", ""), logprobs=rows)).base_url), task=task(details="1"))
    assert ran.finished.output.text == " yet lit"
    assert [token.text for token in ran.finished.output.tokens] == [" yet", " lit"]


# -- thoughts


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (("<think>What next?</think>", " yet", " lit"), ["yet", " lit"]),
        (("<th", "ink>\nWhat", " next?\n</thi", "nk>\n\n", "yet", " lit"), ["yet", " lit"]),
        (("\n", "<thinking>", "no </think", "ing>", "yet", " lit"), ["yet", " lit"]),
        (("yet", " <", "b> lit"), ["yet", " ", "<b> lit"]),
        (("yet", " lit <thi", "s"), ["yet", " lit ", "<this"]),
        ((" ", "\n", "yet lit <"), [" \nyet lit ", "<"]),
        (("<think>a</think><think>b</think>yet", " lit"), ["yet", " lit"]),
    ],
)
def test_thoughts_are_not_shown_and_nothing_else_is_lost(
    serve: Serve, pieces: tuple[str, ...], shown: list[str]
) -> None:
    ran = run(live(serve(streamed(pieces)).base_url))
    assert said(ran) == shown
    assert ran.finished.output.text == "".join(shown)


def test_thoughts_without_a_beginning_are_no_part_of_the_answer(serve: Serve) -> None:
    ran = run(live(serve(streamed(("What next?", "</think>", "\n\nyet lit"))).base_url))
    assert ran.finished.output.text == "yet lit"


def test_a_thoughts_tokens_are_none_of_the_texts(serve: Serve) -> None:
    pieces = ("<think>", "hm", "</think>", "\n\n", "yet", " lit")
    rows = [[row(piece, 0.5)] for piece in pieces]
    ran = run(live(serve(streamed(pieces, logprobs=rows)).base_url), task=task(details="1"))
    assert [token.text for token in ran.finished.output.tokens] == ["yet", " lit"]
    assert said(ran) == ["yet", " lit"]


def thought_over(reason: str) -> Any:
    """Thinks until the limit, and writes when there is room."""

    async def script(seen: Seen) -> None:
        short = seen.body["max_completion_tokens"] < 1000
        await seen.begin_events()
        for _ in range(3):
            plain = {**chunk(None), "choices": [{"index": 0, "delta": {"content": None, reason: "hm"}}]}
            await seen.event(chunk("<think>" if reason == "content" else None) if reason == "content" else plain)
        if not short:
            await seen.event(chunk("</think>yet lit" if reason == "content" else "yet lit"))
        await seen.event(chunk(None, "length" if short else "stop"))
        usage = {"prompt_tokens": 50, "completion_tokens": 40 if short else 10, "total_tokens": 60}
        await seen.event({**chunk(None), "choices": [], "usage": usage})
        await seen.event("[DONE]")
        await seen.end_events()

    return script


@pytest.mark.parametrize("reason", ["reasoning_content", "reasoning", "content"])
def test_a_model_that_used_its_limit_up_with_thinking_is_asked_again_with_room(serve: Serve, reason: str) -> None:
    server = serve(thought_over(reason))
    tier = live(server.base_url)
    ran = run(tier, task=task(length="40"))
    assert ran.finished.output.text == "yet lit"
    assert [body["max_completion_tokens"] for body in server.asked] == [40, 40 + ROOM_TO_THINK]
    run(tier, task=task(length="40"))
    assert server.asked[2]["max_completion_tokens"] == 40 + ROOM_TO_THINK  # remembered


def test_an_endpoint_that_refuses_a_limit_too_low_to_think_is_asked_with_room(serve: Serve) -> None:
    message = (
        "Could not finish the message because max_tokens or model output limit was reached. "
        "Please try again with higher max_tokens."
    )
    server = serve(refuses(400, message), streamed(PIECES))
    assert run(live(server.base_url), task=task(length="40")).finished.output.text == " yet lit the stove."
    assert [body["max_completion_tokens"] for body in server.asked] == [40, 40 + ROOM_TO_THINK]


def test_a_model_that_only_thinks_gives_one_sentence(serve: Serve) -> None:
    server = serve(whole("<think>and so on", "length"))
    error = run(live(server.base_url)).failed.error
    assert error.kind == "bad_reply"
    assert "before it wrote anything" in str(error)
    assert len(server.asked) == 2


# -- what goes wrong


@pytest.mark.parametrize("content", ["", " \n ", None, "<think>so</think>\n\n"])
def test_an_empty_text_is_a_bad_reply(serve: Serve, content: str | None) -> None:
    error = run(live(serve(whole(content)).base_url)).failed.error
    assert error.kind == "bad_reply"
    assert "wrote nothing" in str(error)


@pytest.mark.parametrize("ending", ["abort", "done", "error"])
def test_a_text_that_breaks_off_fails_with_its_sentence(serve: Serve, ending: str) -> None:
    async def script(seen: Seen) -> None:
        await seen.begin_events()
        await seen.event(chunk(" yet"))
        await asyncio.sleep(0.05)
        if ending == "abort":
            seen.abort()
            return
        await seen.event("[DONE]" if ending == "done" else {"error": {"message": "overloaded"}})
        await seen.end_events()

    ran = run(live(serve(script).base_url))
    assert ran.failed.error.kind == ("endpoint_fault" if ending == "error" else "stream_cut")
    assert said(ran) == [" yet"]


def test_a_refusal_and_the_content_filter(serve: Serve) -> None:
    assert run(live(serve(whole(None, refusal="No.")).base_url)).failed.error.kind == "refused"
    assert run(live(serve(whole(" yet", "content_filter")).base_url)).failed.error.kind == "refused"


def test_stop_in_the_middle_closes_the_connection(serve: Serve) -> None:
    async def endless(seen: Seen) -> None:
        await seen.begin_events()
        while True:
            await seen.event(chunk(" and"))
            await asyncio.sleep(0.02)

    server = serve(endless)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    handle = live(server.base_url).start(GENERATION, Request(PROMPT, "gpt-test", "s"), events.put, Cancel())
    got = [events.get(timeout=10)]
    while not isinstance(got[-1], Partial):
        got.append(events.get(timeout=10))
    handle.cancel()
    while not isinstance(got[-1], LAST):
        got.append(events.get(timeout=10))
    assert isinstance(got[-1], Cancelled)
    assert server.client_left.wait(20)
    assert events.empty()


def test_a_text_without_end_is_stopped(serve: Serve) -> None:
    async def endless(seen: Seen) -> None:
        await seen.begin_events()
        while True:
            await seen.event(chunk("x" * 10_000))

    server = serve(endless)
    assert run(live(server.base_url)).failed.error.kind == "bad_reply"
    assert server.client_left.wait(20)


def test_a_key_that_an_endpoint_writes_is_not_shown(serve: Serve) -> None:
    ran = run(live(serve(streamed((" my key is ", KEY, " so"))).base_url))
    assert ran.finished.output.text == " my key is [key] so"
    assert KEY[:12] not in repr(ran.events)


def test_html_and_bidirectional_text_come_as_they_are(serve: Serve) -> None:
    text = "<script>alert(1)</script> \u202eabc & “שלום”"
    assert run(live(serve(streamed((text,))).base_url)).finished.output.text == text


# -- what it does not do


def test_how_likely_a_text_is_no_endpoint_says(serve: Serve) -> None:
    server = serve(streamed(PIECES))
    tier = live(server.base_url)
    foreseen = dataclasses.replace(GENERATION, foresee=True)
    assert isinstance(run(tier, task=foreseen).failed.error, NotSupported)
    assert "another tier" in tier.supports(foreseen, "s").reason
    assert server.seen == []


@pytest.mark.parametrize("base", [GENERATION, TRANSLATION], ids=lambda task: task.name)
def test_the_stand_in_goes_on_with_texts_and_translates_none(serve: Serve, base: WritingTask) -> None:
    server = serve(streamed(PIECES))
    tier = tier_for(settings(), FixedGateway(server.base_url, "token"))
    support = tier.supports(base)
    assert bool(support) is base.continues
    ran = run(tier, task=base, model=None)
    if base.continues:
        assert ran.finished.output.text == " yet lit the stove."
        assert server.asked[0]["max_completion_tokens"] == 80  # it does not think
        return
    assert str(ran.failed.error) == support.reason
    assert "paste an API key, or name a local server" in support.reason
    assert server.seen == []
    assert live(server.base_url).supports(base, "s")
    assert tier_for(settings(local_server_url=server.base_url)).supports(base)


@pytest.mark.usefixtures("priced")
def test_a_budget_is_reserved_for_both_attempts_and_charged_for_both(serve: Serve) -> None:
    server = serve(thought_over("reasoning_content"))
    config = settings(
        space_id="who/what", openai_api_key=KEY, openai_base_url=server.base_url,
        visitor_budget_usd=1000.0, visitors_budget_usd=1000.0,
    )  # fmt: skip
    tier = tier_for(config)
    asked = task(length="40")
    reserved: list[float] = []
    reserve = tier.endpoints.budget.reserve
    tier.endpoints.budget.reserve = lambda who, usd: reserved.append(usd) or reserve(who, usd)  # type: ignore[method-assign,func-returns-value]
    stats = run(tier, model="gpt-5-mini", task=asked).finished.stats
    assert reserved == [pytest.approx(0.01 * (2 * most_input_tokens(asked, PROMPT) + 2 * 40 + ROOM_TO_THINK))]
    assert stats.cost_usd == pytest.approx(0.01 * (50 + 40 + 50 + 10))
    assert stats.tokens_out == 10
