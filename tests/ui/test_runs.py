"""A Run without a browser: what a visitor's page is told, and when."""

import asyncio
import json
from itertools import pairwise

import pytest

from playground.core.errors import Busy
from playground.ui.actions import answer
from playground.ui.runs import Order, TaskRuns
from playground.ui.session import PageStates, RunToken
from playground.ui.streaming import batches
from tests.fakes.service import FakePlayground
from tests.views.test_html import parsed


@pytest.fixture
def service():
    service = FakePlayground(max_lines=5, max_input_chars=200)
    yield service
    service.close()


@pytest.fixture
def runs(service):
    return TaskRuns(service, service.tasks.get("sentiment"), PageStates())


def collected(runs, text, session="s", **order):
    async def collect():
        return [update async for update in runs.run(Order.of({"text": text, "number": 1, **order}), session)]

    return asyncio.run(collect())


def status(update):
    found = parsed(update["status"])
    return dict(found.tags[0][1]) | {"said": "".join(found.text)}


def phases(updates, name):
    return [dict(parsed(update[name]).tags[0][1])["data-phase"] for update in updates if name in update]


def test_all_cards_wait_at_once_and_each_ends_once(runs):
    updates = collected(runs, "great")
    assert {name for name in updates[0] if name.startswith("card-")} == {
        f"card-{tier}" for tier in ("hosted", "pretrained", "finetuned", "scratch")
    }
    for tier in ("hosted", "pretrained", "finetuned", "scratch"):
        seen = phases(updates, f"card-{tier}")
        assert (seen[0], seen[-1]) == ("waiting", "done")
        assert seen.count("done") == 1
    assert "data-running" in status(updates[0])
    assert "data-running" not in status(updates[-1])
    assert "Fine-tuned: positive, 0.96." in status(updates[-1])["said"]
    assert "great" in updates[-1]["history"]


def test_unchanged_cards_are_not_sent_again(runs):
    updates = collected(runs, "great")
    for before, after in pairwise(updates):
        for name in before.keys() & after.keys():
            if name.startswith("card-"):
                assert before[name] != after[name]


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "no text yet"), ("x" * 201, "201 characters"), ("\x00", "control characters")]
)
def test_bad_input_is_a_status_and_no_card_moves(runs, text, sentence):
    updates = collected(runs, text)
    assert len(updates) == 1
    assert list(updates[0]) == ["status"]
    assert sentence in status(updates[0])["data-error"]


def test_a_fault_of_ours_is_one_sentence_and_the_cards_stand_idle(runs, monkeypatch, caplog):
    async def broken(*args, **kwargs):
        raise RuntimeError("secret detail")
        yield

    monkeypatch.setattr(runs.service, "run_events", broken)
    updates = collected(runs, "great")
    assert "Something broke on our side" in status(updates[-1])["data-error"]
    assert phases(updates, "card-scratch") == ["waiting", "idle"]
    assert not any("secret detail" in html for update in updates for html in update.values())
    assert "secret detail" in caplog.text


def test_a_refusal_after_the_start_is_said_too(runs, monkeypatch):
    async def busy(*args, **kwargs):
        raise Busy("The server is full: try again in 20 s.")
        yield

    monkeypatch.setattr(runs.service, "run_events", busy)
    assert status(collected(runs, "great")[-1])["data-error"] == "The server is full: try again in 20 s."


def test_a_refused_run_leaves_what_was_answered_before(runs, monkeypatch):
    async def busy(*args, **kwargs):
        raise Busy("The server is full: try again in 20 s.")
        yield

    shown = {}
    for update in collected(runs, "great"):
        shown |= update
    lines = collected(runs, "great\nbad", lines=True)[-1]["table"]
    monkeypatch.setattr(runs.service, "run_events", busy)
    monkeypatch.setattr(runs.service, "run_table", busy)
    refused = {}
    for update in collected(runs, "dull"):
        refused |= update
    for part in ("card-hosted", "card-pretrained", "card-finetuned", "card-scratch", "below"):
        assert refused[part] == shown[part], part
    assert collected(runs, "a\nb\nc", lines=True)[-1]["table"] == lines


def test_a_newer_run_silences_the_older_and_frees_its_work(runs, service):
    async def both():
        old = runs.run(Order.of({"text": "hang", "number": 1}), "s")
        heard = [await anext(old), await anext(old)]
        new = [update async for update in runs.run(Order.of({"text": "great", "number": 2}), "s")]
        heard += [update async for update in old]
        return heard, new

    heard, new = asyncio.run(both())
    assert len(heard) == 2  # the older one said nothing more
    assert status(new[-1])["data-number"] == "2"
    assert sum(tier.running for tier in service.tiers) == 0


def test_leaving_in_the_middle_frees_the_work(runs, service):
    async def leave():
        updates = runs.run(Order.of({"text": "hang", "number": 1}), "s")
        await anext(updates)
        await anext(updates)
        await updates.aclose()

    asyncio.run(leave())
    assert sum(tier.running for tier in service.tiers) == 0
    again = runs.refresh(Order.of({}), "s", everything=True)  # and no card waits for ever
    assert phases([again], "card-scratch") == ["stopped"]


def test_a_table_counts_up_and_refuses_too_many_lines(runs):
    updates = collected(runs, "great\n\n  \nawful\r\nbad", lines=True)
    assert "0 of 3 lines" in updates[0]["table"]
    assert "3 lines" in updates[-1]["table"]
    assert [row.text for row in sorted(runs.pages.of("s", "sentiment").rows, key=lambda row: row.index)] == [
        "great",
        "awful",
        "bad",
    ]
    refused = collected(runs, "\n".join(["x"] * 6), lines=True)
    assert "6 lines and the limit is 5" in status(refused[-1])["data-error"]
    assert "no text yet" in status(collected(runs, " \n ", lines=True)[-1])["data-error"]


def test_a_run_opens_again_for_its_own_session_alone(runs, service):
    collected(runs, "great", models={"finetuned": "mine"})
    run_id = service.history("s")[0].id
    update = runs.guarded(lambda: runs.open(run_id, "s"))
    assert status(update)["data-text"] == "great"
    assert status(update)["data-models"] == '{"finetuned": "mine"}'
    assert phases([update], "card-finetuned") == ["done"]
    stranger = runs.guarded(lambda: runs.open(run_id, "another"))
    assert list(stranger) == ["status"]
    assert "no run" in status(stranger)["data-error"]


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {"text": 3, "models": [1], "seed": True, "lines": "yes"}, {"models": {"a": None}, "seed": -1}],
)
def test_whatever_a_browser_sends_is_an_order(data):
    assert Order.of(data) == Order("", {}, 0, False, 0)


def test_names_in_an_order_are_few_and_short():
    data = {"models": {f"{n}": "m" * 10_000 for n in range(1000)}, "tiers": ["t"] * 1000}
    order = Order.of(data)
    assert sum(map(len, order.models.values())) < 10_000
    assert order.tiers == ("t",)


def test_questions_are_answered_and_a_fault_is_a_sentence(service, caplog):
    def ask(data):
        return answer(service, PageStates(), "s", data)

    about = {"do": "snippet", "task": "sentiment", "tier": "scratch"}
    assert "text = &#x27;hi&#x27;" in ask(about | {"text": "hi"})["html"]
    assert "no text yet" in ask(about | {"text": ""})["error"]
    assert "There is no task called" in ask({"do": "request", "task": "<b>"})["error"]
    assert "reload it" in ask({"do": "__class__"})["error"]
    assert "reload it" in ask("nonsense")["error"]
    assert "There is no table yet" in ask({"do": "table_csv", "task": "sentiment"})["error"]
    service.snippet = lambda *args: 1 / 0
    assert "Something broke on our side" in ask(about)["error"]


def test_a_key_comes_goes_and_is_never_answered_back(service, caplog):
    secret = "sk-very-secret"

    def ask(**data):
        return json.dumps(answer(service, PageStates(), "s", data))

    reply = ask(do="set_key", key=secret)
    assert service.has_key("s")
    assert not service.has_key("another")
    refused = ask(do="set_key", key=f"{secret} with spaces")
    assert "error" in refused
    assert secret not in reply + refused + caplog.text + ask(do="key")
    ask(do="forget_key")
    assert not service.has_key("s")


def test_a_session_that_is_closed_leaves_nothing():
    pages = PageStates(most=3)
    state = pages.of("s", "sentiment")
    token = state.begin()
    pages.close("s")
    assert token.superseded
    assert pages.of("s", "sentiment") is not state
    for name in "abcd":
        pages.of(name, "sentiment")
    assert len(pages._pages) == 3


def test_the_end_of_a_connection_ends_its_page_unless_it_has_another():
    pages = PageStates()
    pages.told("first", "page")
    pages.told("second", "page")
    assert pages.gone("first") is None
    assert pages.gone("second") == "page"
    assert pages.gone("a program's") == "a program's"


def test_a_page_too_many_ends_the_run_of_the_one_that_is_forgotten():
    pages = PageStates(most=1)
    token = pages.of("old", "sentiment").begin()
    pages.of("new", "sentiment")
    assert token.superseded
    assert token.work.is_set


def test_one_card_runs_alone_and_the_others_stay_as_they_are(runs, service):
    collected(runs, "great")
    before = runs.refresh(Order.of({}), "s", everything=True)
    updates = collected(runs, "awful, bad, dull", tiers=["scratch"])
    assert {name for update in updates for name in update if name.startswith("card-")} == {"card-scratch"}
    assert [tier.name for tier in service.tiers if "awful, bad, dull" in [seen.text for seen in tier.seen]] == [
        "scratch"
    ]
    after = runs.refresh(Order.of({}), "s", everything=True)
    assert [name for name in before if before[name] != after[name] and name.startswith("card-")] == ["card-scratch"]
    assert "was positive" in after["card-scratch"]  # it is compared with its own last answer
    # Answers to another text are compared with nothing.
    assert "One answer." in updates[-1]["below"]
    assert "From scratch" in updates[-1]["below"]
    together = collected(runs, "great", tiers=["scratch"])[-1]["below"]
    assert "Tiers agree." in together


def test_cards_of_a_run_that_one_card_ended_do_not_wait_for_ever(runs):
    async def both():
        old = runs.run(Order.of({"text": "hang", "number": 1}), "s")
        await anext(old)
        new = [update async for update in runs.run(Order.of({"text": "great", "tiers": ["scratch"]}), "s")]
        return new + [update async for update in old]

    updates = asyncio.run(both())
    assert phases(updates[:1], "card-hosted") == ["idle"]
    assert phases(updates, "card-scratch")[-1] == "done"


@pytest.mark.parametrize(("tiers", "sentence"), [(["nobody"], "no tier called “nobody”"), ([], "No tier was named")])
@pytest.mark.parametrize("lines", [False, True])
def test_a_tier_that_does_not_exist_is_a_sentence(runs, tiers, sentence, lines):
    updates = collected(runs, "great", tiers=tiers, lines=lines)
    assert [list(update) for update in updates] == [["status"]]
    assert sentence in status(updates[0])["data-error"]


def test_the_history_grows_by_a_row(runs, service):
    first, second = collected(runs, "great")[-1], collected(runs, "awful")[-1]
    assert "<summary>" in first["history"]
    assert "history" not in second
    assert second["history-row"].startswith("<tr>")
    assert "awful" in second["history-row"]
    whole = runs.refresh(Order.of({}), "s", everything=True)["history"]
    assert second["history-row"] in whole


def test_a_warm_run_is_few_updates(runs):
    collected(runs, "great")
    updates = collected(runs, "great", tiers=["scratch"])
    assert len(updates) == 2
    assert set(updates[1]) == {"card-scratch", "below", "history-row", "status"}


def test_what_is_urgent_waits_for_no_interval():
    async def timed():
        heard = asyncio.Event()

        async def stream():
            yield 1
            await heard.wait()
            yield 2

        loop = asyncio.get_running_loop()
        began, found = loop.time(), batches(stream(), RunToken(), 60.0, lambda event: event == 1)
        first = await anext(found)
        seconds = loop.time() - began
        heard.set()
        return first, seconds, [batch async for batch in found]

    first, seconds, rest = asyncio.run(timed())
    assert first == [1]
    assert seconds < 30
    assert rest == [[2]]


def test_a_flood_of_events_is_few_batches_and_none_is_lost():
    async def flood():
        for number in range(200):
            yield number
            await asyncio.sleep(0.0005)

    async def collect():
        return [batch async for batch in batches(flood(), RunToken(), 0.02)]

    found = asyncio.run(collect())
    assert [number for batch in found for number in batch] == list(range(200))
    assert found[0][0] == 0
    assert len(found) < 40


def test_the_end_waits_for_no_interval():
    async def one():
        yield 1

    async def timed():
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = [batch async for batch in batches(one(), RunToken(), 60.0)]
        return found, loop.time() - began

    found, seconds = asyncio.run(timed())
    assert found == [[1]]
    assert seconds < 30


def test_the_head_is_written_into_html_and_into_nothing_else():
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, JSONResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    from playground.ui.page_head import PageHead

    async def page(request):
        return HTMLResponse(
            '<html><head><meta property="og:image" content="https://elsewhere/x.jpg" /></head><body>é</body></html>'
        )

    async def data(request):
        return JSONResponse({"head": "</head>"})

    app = PageHead(Starlette(routes=[Route("/", page), Route("/data", data)]), head="<title>é</title>")
    client = TestClient(app)
    reply = client.get("/")
    assert reply.text == "<html><head><title>é</title>\n</head><body>é</body></html>"
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert client.get("/data").json() == {"head": "</head>"}
