"""Tables, history, links, dialogs, the key, exports."""

import csv
import io
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.conftest import Server

pytestmark = pytest.mark.e2e


def test_many_lines_become_a_table_and_a_csv(visit):
    visitor = visit()
    visitor.type("great\n\nawful and bad\n=cmd|' /C calc'!A0\nfine queue, gone")
    box = visitor.tab.locator("[data-act=lines]")
    assert box.is_visible()
    box.check()
    visitor.press_run()
    visitor.settle()
    rows = visitor.tab.locator(".pg-table tbody tr")
    assert rows.count() == 4
    assert rows.locator(".pg-cell-text").all_inner_texts()[:2] == ["great", "awful and bad"]
    assert not visitor.tab.locator(".pg-cards").is_visible()
    assert visitor.tab.locator("tr[data-differ]").count() == 3
    visitor.tab.locator("[data-act=only-different]").check()
    assert [row.is_visible() for row in rows.all()] == [False, True, True, True]
    name, content = visitor.download(".pg-tab[data-shown] [data-act=table-csv]")
    table = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert name == "sentiment-table.csv"
    assert [row["text"] for row in table] == ["great", "awful and bad", "'=cmd|' /C calc'!A0", "fine queue, gone"]
    assert [row["finetuned_label"] for row in table] == ["positive", "positive", "positive", "positive"]
    assert [row["pretrained_label"] for row in table] == ["positive", "negative", "negative", "negative"]
    visitor.run("great")  # one line again: the cards are back
    assert visitor.tab.locator(".pg-cards").is_visible()


def test_several_lines_pasted_at_once_are_several_inputs(visit):
    visitor = visit()
    visitor.page.evaluate("navigator.clipboard.writeText('great\\nawful and bad')")
    visitor.tab.locator("textarea").focus()
    visitor.page.keyboard.press("Control+V")
    visitor.page.wait_for_function("document.querySelector('.pg-tab[data-shown] [data-act=lines]').checked")
    visitor.press_run()
    visitor.settle()
    assert visitor.tab.locator(".pg-table tbody tr").count() == 2


def test_too_many_lines_are_refused_in_a_sentence(visit):
    visitor = visit()
    visitor.type("\n".join(["great"] * 41))
    visitor.tab.locator("[data-act=lines]").check()
    visitor.press_run()
    visitor.tab.locator(".pg-input-error:not(:empty)").wait_for()
    assert "41 lines and the limit is 40" in visitor.error


def test_stop_in_a_table_keeps_what_is_there(visit, server):
    visitor = visit()
    visitor.type("great\nhang\nawful")
    visitor.tab.locator("[data-act=lines]").check()
    visitor.press_run()
    visitor.tab.locator(".pg-table tbody tr").nth(1).wait_for()
    visitor.tab.locator("[data-act=stop]").click()
    visitor.settle()
    assert server.running == 0
    assert visitor.tab.locator("[data-act=table-csv]").is_enabled()


def test_a_run_of_the_history_opens_again(visit):
    visitor = visit()
    visitor.run("great")
    visitor.run("awful, bad, dull, gone")
    assert visitor.headline("finetuned") == "negative"
    visitor.tab.locator(".pg-history summary").click()
    visitor.tab.locator(".pg-open", has_text="great").click()
    visitor.page.wait_for_function("document.querySelector('.pg-tab[data-shown] textarea').value === 'great'")
    assert visitor.headline("finetuned") == "positive"
    assert visitor.tab.get_attribute("data-stale") is None
    name, content = visitor.download(".pg-tab[data-shown] [data-act=history-csv]")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert name == "four-tiers-runs.csv"
    assert [(row["text"], row["tier"]) for row in rows[3:5]] == [
        ("awful, bad, dull, gone", "scratch"),
        ("great", "hosted"),
    ]
    assert rows[7]["fingerprint"]


def test_a_link_restores_text_and_models_and_runs_nothing(visit, server):
    visitor = visit()
    visitor.type("tout va bien & 50 % of #it\nsecond line")
    visitor.card("finetuned").locator("select").select_option("mine")
    visitor.tab.get_by_text("Copy link").click()
    visitor.page.wait_for_selector(".pg-toast[data-shown]")
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert urlsplit(link).query == ""
    assert parse_qs(urlsplit(link).fragment) == {
        "task": ["sentiment"],
        "text": ["tout va bien & 50 % of #it\nsecond line"],
        "model.finetuned": ["mine"],
    }
    before = len(server.told["tiers"]["scratch"]["seen"])
    other = visit(fragment="#" + urlsplit(link).fragment)
    assert other.tab.locator("textarea").input_value() == "tout va bien & 50 % of #it\nsecond line"
    other.page.wait_for_function(
        "document.querySelector('.pg-tab[data-shown] [data-pick=finetuned]')?.value === 'mine'"
    )
    assert len(server.told["tiers"]["scratch"]["seen"]) == before
    other.press_run()
    other.settle()
    assert server.told["tiers"]["finetuned"]["seen"][-1][1] == "mine"


def test_a_text_too_long_for_a_link_is_left_out_and_said(visit):
    visitor = visit()
    visitor.type("long " * 1000)
    visitor.tab.get_by_text("Copy link").click()
    visitor.page.wait_for_selector(".pg-toast[data-shown]")
    assert "too long for a link" in visitor.page.inner_text(".pg-toast")
    assert parse_qs(urlsplit(visitor.page.url).fragment) == {"task": ["sentiment"]}


def test_a_hostile_link_is_only_text(visit):
    visitor = visit(
        fragment="#task=sentiment&text=%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E&model.finetuned=nonsense&seed=-1&projector=2"
    )
    assert visitor.tab.locator("textarea").input_value() == "<img src=x onerror=hacked=1>"
    visitor.press_run()
    visitor.settle()
    assert visitor.headline("finetuned") == "no answer"
    assert "nonsense is not on this machine" in visitor.card("finetuned").inner_text()
    assert visitor.page.evaluate("window.hacked === undefined")


def test_a_pasted_key_is_in_the_servers_memory_and_nowhere_else(visit, server):
    secret = "sk-test-4f9a77c1"
    visitor = visit()
    before = server.told["keys"]
    visitor.run("great")
    visitor.tab.get_by_text("Add a key").click()
    field = visitor.page.locator("dialog input[name=key]")
    assert field.get_attribute("type") == "password"
    field.fill("two words")
    visitor.page.keyboard.press("Enter")
    visitor.page.locator("dialog .pg-form-error:not(:empty)").wait_for()
    assert field.input_value() == ""
    field.fill(secret)
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector(".pg-toast[data-shown]")
    assert server.told["keys"] == before + 1
    visitor.run("great again")
    visitor.card("hosted").locator("[data-act=snippet]").click()
    visitor.page.wait_for_selector("dialog[open] code")
    stores = "JSON.stringify(localStorage), JSON.stringify(sessionStorage)"
    held = f"[document.documentElement.outerHTML, {stores}, location.href].join()"
    assert secret not in visitor.page.evaluate(held)
    values = "[...document.querySelectorAll('input, textarea')].map(field => field.value).join()"
    assert secret not in visitor.page.evaluate(values)
    visitor.page.close()
    for _ in range(400):
        if server.told["keys"] == before:
            break
        time.sleep(0.05)
    assert server.told["keys"] == before


def test_code_card_and_request_open_and_close_by_keyboard(visit):
    visitor = visit()
    visitor.run("it's great")
    button = visitor.card("scratch").locator("[data-act=snippet]")
    button.focus()
    visitor.page.keyboard.press("Enter")
    dialog = visitor.page.locator("dialog[open]")
    assert 'text = "it\'s great"' in dialog.locator("code").inner_text()
    dialog.locator(".pg-copy").click()
    assert 'text = "it\'s great"' in visitor.page.evaluate("navigator.clipboard.readText()")
    visitor.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement")
    visitor.card("pretrained").locator("[data-act=card]").click()
    text = dialog.inner_text()
    assert "Apache-2.0" in text
    assert "naive Bayes 0.820" in text
    dialog.locator("[data-act=close]").click()
    visitor.card("hosted").locator("[data-act=request]").click()
    assert '"content": "it\'s great"' in dialog.inner_text()


def test_a_card_and_the_plot_are_saved_as_images(visit):
    visitor = visit()
    visitor.run("great")
    for selector, name in (
        ("[data-act=png][data-tier=scratch]", "sentiment-scratch.png"),
        ("[data-act=png-plot]", "sentiment-plot.png"),
    ):
        found, content = visitor.download(f".pg-tab[data-shown] {selector}")
        assert found == name
        assert content.startswith(b"\x89PNG\r\n")
        assert len(content) > 5000


def test_the_theme_follows_the_system_until_it_is_chosen(visit):
    visitor = visit(color_scheme="dark")
    theme = "document.documentElement.dataset.theme + getComputedStyle(document.body).backgroundColor"
    assert visitor.page.evaluate(theme) == "darkrgb(14, 18, 24)"
    visitor.page.click("text=Light")
    assert visitor.page.evaluate(theme) == "lightrgb(245, 246, 248)"
    assert not visitor.page.evaluate("document.body.classList.contains('dark')")
    visitor.page.reload()
    visitor.tab.wait_for()
    assert visitor.page.evaluate(theme) == "lightrgb(245, 246, 248)"


def test_the_projector_has_large_answers_and_the_servers_address(visit):
    visitor = visit(fragment="#task=sentiment&projector=1")
    visitor.run("great")
    size = float(
        visitor.card("scratch").locator(".pg-headline").evaluate("p => parseFloat(getComputedStyle(p).fontSize)")
    )
    assert size >= 38
    assert not visitor.page.locator(".block.pg-side").is_visible()
    code = visitor.tab.locator(".pg-qr")
    code.locator("svg path").first.wait_for()
    assert "http://192.168.1.20:7860/" in code.inner_text()
    visitor.tab.get_by_text("Leave projector").click()
    assert visitor.page.locator(".block.pg-side").is_visible()


def test_a_task_added_at_run_time_has_its_own_tab(visit):
    visitor = visit()
    visitor.open_task("Weather", "weather")
    assert visitor.tab.locator("h1").inner_text() == "Weather"
    assert [label.inner_text() for label in visitor.card("scratch").locator(".pg-bar-label").all()] == [
        "rain",
        "snow",
        "sun",
    ]
    visitor.tab.get_by_text("a fine day").click()
    visitor.press_run()
    visitor.settle()
    assert visitor.headline("finetuned") == "sun"
    assert visitor.card("finetuned").locator(".pg-verdict").inner_text() == "✓ gold"
    visitor.page.go_back()
    visitor.page.wait_for_selector("#pg-tab-sentiment[data-shown]")


def test_the_page_works_under_a_path_and_keeps_its_query(browser, visit):
    server = Server("--under", "/space", "--toy", path="/space/")
    try:
        visitor = visit(url=server.url, fragment="?__sign=token#task=sentiment&text=great")
        visitor.press_run()
        visitor.settle()
        assert set(visitor.headlines().values()) == {"positive"}
        visitor.open_task("Weather", "weather")
        assert urlsplit(visitor.page.url).path == "/space/"
        assert urlsplit(visitor.page.url).query == "__sign=token"
    finally:
        server.close()
