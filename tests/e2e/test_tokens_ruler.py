"""The tokenizer's ruler in Chromium: read, compared, pinned, searched, linked, and given what breaks others."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

pytestmark = pytest.mark.e2e
O200K, MINILM = "openai/o200k_base", "sentence-transformers/all-MiniLM-L6-v2"
ROWS = f"{O200K},{MINILM},split/words"
CELL = "#pg-tok-grid [role=gridcell]"
FIRST = "#pg-tok-grid [aria-rowindex='{}'] [role=gridcell]"  # of a row's cells in the first line
LABELS = """() => [...document.querySelectorAll("#pg-tok-grid [role=row]")].map(
  (row) => [...row.querySelectorAll("[role=gridcell] .pg-tok-label")].map((label) => label.textContent))"""
PUT = """(codes) => {
  const area = document.getElementById("pg-tok-text");
  area.value = codes.map((code) => String.fromCharCode(code)).join("");
  area.dispatchEvent(new Event("input"));
}"""
FOCUS = "() => [document.activeElement.textContent, document.activeElement.closest('[role=row]')?.getAttribute('aria-rowindex')]"


@pytest.fixture
def ruler(visit):
    def start(text: str | None = "unbelievable 日本", rows: str = ROWS, **fields):
        given = {"page": "tokens", "rows": rows, **fields} | ({} if text is None else {"text": text})
        visitor = visit(fragment="#" + urlencode(given))
        visitor.page.wait_for_selector(CELL)
        return visitor

    return start


def totals(page) -> list[int]:
    return [int(text.replace(",", "")) for text in page.locator(".pg-tok-total").all_inner_texts()]


def read_again(page, act) -> None:
    """Does it, and waits for the reading that follows."""
    page.evaluate(
        "() => { window.again = 0; document.addEventListener('pg:reading', () => { window.again += 1; }, { once: true }); }"
    )
    act()
    page.wait_for_function("window.again > 0")


def test_a_text_is_cut_by_each_row_and_rows_come_and_go(ruler):
    page = ruler().page
    bpe, wordpiece, words = page.evaluate(LABELS)
    assert [wordpiece[0], wordpiece[-1]] == ["[CLS]", "[SEP]"]
    assert words == ["unbelievable", "日本"]
    assert "".join(bpe).startswith("unbelievable␣日")
    assert totals(page) == [len(bpe), len(wordpiece), len(words)]
    page.select_option("#pg-tok-pick", "split/characters")
    read_again(page, lambda: page.click("#pg-tok-add button"))
    assert totals(page)[-1] == 15
    read_again(page, lambda: page.locator("[data-act=tok-remove]").nth(1).click())
    assert len(totals(page)) == 3
    assert page.locator("#pg-tok-grid").get_attribute("aria-rowcount") == "3"
    read_again(page, lambda: page.fill("#pg-tok-text", "two words"))
    assert totals(page)[1:] == [2, 9]
    page.fill("#pg-tok-hub", "no/such-tokenizer")
    read_again(page, lambda: page.press("#pg-tok-hub", "Enter"))
    assert page.locator(".pg-tok-item .pg-input-error").inner_text()
    assert len(totals(page)) == 3  # the others read


def test_split_characters_are_bytes_and_typed_specials_are_read_both_ways(ruler):
    page = ruler("🦓 <|endoftext|>", O200K).page
    (labels,) = page.evaluate(LABELS)
    assert "\ufffd" not in "".join(labels)
    assert "".join(labels).startswith("F0 9F")
    assert page.locator(f"{CELL}[data-split]").count() >= 2
    assert page.locator(f"{CELL}[data-special]").count() == 0
    read_again(page, lambda: page.click("[data-act=tok-control][data-control='1']"))
    assert page.locator(f"{CELL}[data-special]").inner_text() == "<|endoftext|>"
    page.click("[data-show=ids]")
    assert "199999" in page.evaluate(LABELS)[0]


def test_pointing_links_the_rows_and_a_token_is_pinned_by_mouse_and_by_keys(ruler):
    page = ruler().page
    page.locator(FIRST.format(3)).first.hover()
    lit = page.locator("#pg-tok-grid [data-lit] .pg-tok-label").all_inner_texts()
    assert "unbelievable" in lit
    assert len(lit) >= 3
    assert "bytes 0–12" in page.locator("#pg-tok-readout").inner_text()
    page.locator(FIRST.format(3)).first.click()
    page.wait_for_selector("#pg-tok-pin .pg-tok-facts")
    assert "0 to 12" in page.locator("#pg-tok-pin").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#pg-tok-pin").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUS) == ["日本", "3"]
    page.keyboard.press("ArrowUp")
    assert page.evaluate(FOCUS)[1] == "2"
    page.keyboard.press("Home")
    assert page.evaluate(FOCUS) == ["[CLS]", "2"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#pg-tok-pin .pg-tok-steps")
    assert f"pin={MINILM}:1".replace("/", "%2F").replace(":", "%3A") in page.url


def test_a_long_text_is_in_a_grid_of_few_cells_and_its_end_is_reached(ruler):
    page = ruler(rows="split/words,split/sentences").page
    read_again(page, lambda: page.click("#pg-tokens-ruler [data-long]"))
    rows = int(page.locator("#pg-tok-grid").get_attribute("aria-rowcount"))
    assert rows > 1500
    assert page.locator(CELL).count() < 2000
    page.locator(FIRST.format(1)).first.focus()
    page.keyboard.press("End")
    focused, index = page.evaluate(FOCUS)
    assert focused == "."
    assert int(index) >= rows - 5
    page.fill("#pg-tok-find", "101. THE FERRY")
    page.wait_for_selector(".pg-tok-mark-hit")
    assert page.locator("#pg-tok-found").inner_text() == "1 of 1"
    assert page.locator(CELL).count() < 2000


def test_a_link_restores_all_of_it(ruler):
    visitor = ruler("naïve café", f"{MINILM},{O200K}", show="ids", control="1", pin=f"{O200K}:1")
    page = visitor.page
    page.wait_for_selector("#pg-tok-pin .pg-tok-facts")
    link = visitor.copy_link()
    fields = {name: values[0] for name, values in parse_qs(urlsplit(link.geturl()).fragment).items()}
    assert fields == {
        "page": "tokens", "text": "naïve café", "rows": f"{MINILM},{O200K}", "show": "ids", "control": "1", "pin": f"{O200K}:1",
    }  # fmt: skip
    assert page.locator("[data-show=ids]").get_attribute("aria-pressed") == "true"
    assert page.locator("[data-control='1']").get_attribute("aria-pressed") == "true"
    assert "naive cafe" in page.locator(".pg-tok-remark").first.inner_text()  # what WordPiece reads


def test_what_breaks_others_is_said_or_shown(ruler):
    page = ruler("x", ROWS).page
    page.fill("#pg-tok-text", "")
    page.wait_for_function("document.getElementById('pg-tok-error').textContent.startsWith('There is no text')")
    page.evaluate(PUT, [ord("a")] * 1_000_000)
    page.wait_for_function("document.getElementById('pg-tok-error').textContent.includes('the limit is 200,000')")
    assert page.evaluate("document.getElementById('pg-tok-text').value.length") == 1_000_000
    for text in ("a\0b", "a\ud800b", "</script><img src=x onerror=alert(1)>"):
        read_again(page, lambda text=text: page.evaluate(PUT, [ord(sign) for sign in text]))
        assert page.locator("#pg-tok-error").inner_text() == ""
        assert page.locator("#pg-tokens-ruler img").count() == 0
        assert len(totals(page)) == 3
    page.locator(FIRST.format(1)).first.click()
    page.wait_for_selector("#pg-tok-pin .pg-tok-facts")
    assert page.locator("#pg-tokens-ruler img").count() == 0


def test_text_from_right_to_left_is_cut_from_right_to_left(ruler):
    page = ruler("صباح الخير", "split/words").page
    first, second = (cell.bounding_box() for cell in page.locator(CELL).all())
    assert page.evaluate(LABELS) == [["صباح", "الخير"]]
    assert first["x"] > second["x"] + second["width"] - 1
    line = page.locator(".pg-tok-line").first
    assert line.evaluate("line => getComputedStyle(line.querySelector('[dir]') || line).direction") == "rtl"


def test_a_card_is_looked_inside(visit):
    visitor = visit()
    visitor.page.set_viewport_size({"width": 1440, "height": 500})
    visitor.run("great food")
    visitor.card("scratch").locator("[data-act=inside]").click()  # it has to be scrolled to
    visitor.page.wait_for_selector("#pg-tab-attention[data-shown]")
    assert visitor.page.evaluate("scrollY") == 0
    visitor.page.wait_for_function("document.getElementById('pg-att-text').value === 'great food'")
    visitor.page.click("#pg-att-tokens")
    visitor.page.wait_for_selector("#pg-tab-tokens[data-shown] [role=gridcell]")
    assert visitor.page.input_value("#pg-tok-text") == "great food"
    visitor.page.go_back()
    visitor.page.wait_for_selector("#pg-tab-attention[data-shown]")
    visitor.page.go_back()
    visitor.page.wait_for_selector("#pg-tab-sentiment[data-shown]")
    assert visitor.headline("scratch")
