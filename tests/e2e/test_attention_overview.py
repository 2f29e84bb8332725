"""The attention page's pictures in Chromium: all heads at once, one head, the text itself, and what kind of head it is."""

import re
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Visitor
from tests.e2e.layout import CONTRAST, NAMELESS

pytestmark = pytest.mark.e2e
ENCODER, DECODER, REWRITER = "bundled/sentiment-general", "bundled/generation-general", "bundled/translation-general"
TEXT = "The wonderful dog, <b>the</b> dog!"
EVIL = "</script><!-- &lt; 👩‍🚀 שלום <b>x</b>"
HEAD = "() => JSON.parse(document.getElementById('pg-att-head').dataset.drawn || '{}')"
Z = "() => { const { z } = document.getElementById('pg-att-plot')._fullData[0]; return [...z].map((row) => [...row]); }"
# The greatest of a thumbnail's pixels' distance from the surface, by head: what is drawn where.
INK = """([x, y, width, height]) => {
  const canvas = document.querySelector('.pg-att-grid canvas');
  const scale = canvas.width / canvas.clientWidth;
  return [...canvas.getContext('2d').getImageData(x * scale, y * scale, width * scale, height * scale).data];
}"""


class Looker(Visitor):
    START = f"#page=attention&model={quote(ENCODER)}&text={quote(TEXT)}"
    READY = "#pg-tab-attention[data-shown] .pg-lens-list li"

    def look(self, text: str, model: str = "") -> None:
        if model:
            self.page.select_option("#pg-att-model", model)
        self.page.fill("#pg-att-text", text)
        self.page.evaluate("() => { delete document.getElementById('pg-att-head').dataset.drawn; }")
        self.page.click("[data-act=att-look]")
        self.page.wait_for_selector("#pg-att-head[data-drawn]")

    def wait_head(self, **wanted) -> None:
        self.page.wait_for_function(
            "wanted => { const drawn = JSON.parse(document.getElementById('pg-att-head').dataset.drawn || '{}');"
            " return Object.entries(wanted).every(([name, value]) => drawn[name] === value); }",
            arg=wanted,
        )

    @property
    def title(self) -> str:
        return self.page.locator(".pg-att-head-title").inner_text()

    @property
    def z(self) -> list[list[float]]:
        return self.page.evaluate(Z)

    def token(self, text: str, side: int = 0):
        return self.page.locator(f".pg-lens-token[data-side='{side}']", has_text=re.compile(f"^{re.escape(text)}$"))


@pytest.fixture(scope="module")
def usual_looker(server, usual):
    return lambda fragment="": Looker(usual, server.url, fragment)


@pytest.fixture
def looker(usual_looker):
    looker = usual_looker()
    looker.page.wait_for_selector("#pg-att-head[data-drawn]")
    yield looker
    looker.page.close()
    assert not looker.problems


def test_all_heads_are_there_and_one_is_chosen_by_click_and_keys(looker):
    page = looker.page
    grid = page.get_by_role("listbox", name=re.compile("^Heads of the encoder: 3 layers of 4"))
    assert looker.title == "layer 1 · head 1 · previous token"
    box = page.locator(".pg-att-chosen").bounding_box()
    page.mouse.move(box["x"] + 1.5 * box["width"] + 4, box["y"] + 5)
    assert page.locator(".pg-att-grid .pg-att-tip").inner_text() == "layer 1 · head 2 · first token"
    page.mouse.click(box["x"] + 1.5 * box["width"] + 4, box["y"] + 5)
    looker.wait_head(layer=0, head=1)
    assert looker.title == "layer 1 · head 2 · first token"
    assert "layer=0&head=1" in page.url
    grid.focus()
    moves = "ArrowDown 1 1, ArrowRight 1 2, ArrowLeft 1 1, End 2 3, ArrowDown 2 3, ArrowUp 1 3, Home 0 0"
    for move in moves.split(", "):
        key, *wanted = move.split()
        page.keyboard.press(key)
        assert page.evaluate("[playground.look.head.layer, playground.look.head.head]") == [
            int(place) for place in wanted
        ]
    assert page.get_by_role("option", name="layer 1 · head 1 · previous token").count() == 1
    assert page.locator("#pg-att-overview > .pg-sr[aria-live]").inner_text() == "layer 1 · head 1 · previous token"


def test_a_picture_shows_its_heads_weights(looker):
    page = looker.page

    def picture(column):
        box = page.evaluate(
            "column => { playground.look.chooseHead({ part: 'encoder', layer: 0, head: column });"
            " const chosen = document.querySelector('.pg-att-chosen').getBoundingClientRect();"
            " const canvas = document.querySelector('.pg-att-grid canvas').getBoundingClientRect();"
            " return [chosen.x - canvas.x, chosen.y - canvas.y, chosen.width, chosen.height]; }",
            column,
        )
        data = page.evaluate(INK, box)
        side = int((len(data) // 4) ** 0.5)
        light = [sum(data[4 * at : 4 * at + 3]) for at in range(side * side)]
        return side, light

    side, light = picture(1)  # everything looks at the first token: the left edge is dark, the rest is not
    row = light[side * (side // 2) : side * (side // 2 + 1)]
    assert row[2] < 200
    assert min(row[side // 2 :]) > 700
    side, light = picture(0)  # the one before: dark below the diagonal, at the left of the middle row's middle
    row = light[side * (side // 2) : side * (side // 2 + 1)]
    assert abs(row.index(min(row)) - side / 2) < side / 4
    assert row[2] > 700


def test_by_label_like_heads_stand_together(looker):
    page = looker.page
    page.locator("#pg-att-overview").get_by_role("button", name="by label").click()
    kinds = page.locator(".pg-att-mark-kind").all_inner_texts()
    assert {"previous token (3)", "first token (3)"} <= set(kinds)
    assert sum(int(re.search(r"\((\d+)\)", kind).group(1)) for kind in kinds) == 12
    captions = page.locator(".pg-att-mark-caption").all_inner_texts()
    assert sorted(captions) == sorted(f"{layer}·{head}" for layer in (1, 2, 3) for head in (1, 2, 3, 4))
    page.locator("#pg-att-overview").get_by_role("button", name="by layer").click()
    assert page.locator(".pg-att-mark-row").all_inner_texts() == ["1", "2", "3"]


def test_the_scale_is_one_and_changes_without_a_question(looker):
    page = looker.page
    before, z = len(looker.sent), looker.z
    page.wait_for_timeout(300)
    before = len(looker.sent)
    colours = "document.getElementById('pg-att-plot')._fullData[0].colorscale.map(([at]) => at)"
    linear = page.evaluate(colours)
    pixels = page.evaluate(INK, [40, 30, 60, 60])
    page.locator("#pg-att-overview").get_by_role("button", name="logarithmic").click()
    page.wait_for_function(f"({colours})[3] < 0.001")
    assert page.evaluate(INK, [40, 30, 60, 60]) != pixels
    assert (
        page.locator("#pg-att-head").get_by_role("button", name="logarithmic").get_attribute("aria-pressed") == "true"
    )
    assert page.locator("#pg-att-head .pg-att-ramp-numbers span").all_inner_texts() == [
        "≤ 0.0001",
        "0.001",
        "0.01",
        "0.1",
        "1",
    ]
    assert looker.z == z  # the numbers are the weights themselves on both
    page.locator("#pg-att-head").get_by_role("button", name="linear").click()
    page.wait_for_function(f"({colours})[3] > 0.01")
    assert page.evaluate(colours) == linear
    assert len(looker.sent) == before


def test_colours_are_even_steps_of_lightness(looker):
    """In OKLab, of both themes: lightness goes one way in even steps, and the first colour is the surface's."""
    lightness = """() => ['light', 'dark'].map((theme) => {
      document.documentElement.dataset.theme = theme;
      const linear = (value) => {
        const part = value / 255;
        return part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
      };
      const surface = getComputedStyle(document.documentElement).getPropertyValue('--pg-surface').trim();
      const first = '#' + playground.attColours.table[0].map((value) => value.toString(16).padStart(2, '0')).join('');
      return [surface, first, playground.attColours.table.map((colour) => {
        const [r, g, b] = colour.map(linear);
        const l = Math.cbrt(.4122214708 * r + .5363325363 * g + .0514459929 * b);
        const m = Math.cbrt(.2119034982 * r + .6806995451 * g + .1073969566 * b);
        const s = Math.cbrt(.0883024619 * r + .2817188376 * g + .6299787005 * b);
        return .2104542553 * l + .793617785 * m - .0040720468 * s;
      })];
    })"""
    for (surface, first, steps), sign in zip(looker.page.evaluate(lightness), (-1, 1), strict=True):
        near = [abs(int(surface[at : at + 2], 16) - int(first[at : at + 2], 16)) for at in (1, 3, 5)]
        assert max(near) <= 2
        wide = sign * (steps[-1] - steps[0])
        assert wide > 0.65
        for at in range(0, 240, 16):
            assert sign * (steps[at + 16] - steps[at]) == pytest.approx(wide * 16 / 255, rel=0.12)


def test_a_head_hovers_exact_weights_and_escapes_tokens(looker):
    page = looker.page
    texts = page.locator("#pg-att-plot .xtick text").all_text_contents()
    assert texts == "[CLS] The wonder ful dog , < b > the < / b > dog ! [SEP]".split()
    assert page.locator("#pg-att-plot .ytick").first.text_content() == "[CLS]"
    z = looker.z
    assert sum(z[3]) == pytest.approx(1, abs=1e-5)
    page.locator("#pg-att-plot").scroll_into_view_if_needed()
    plot = page.locator("#pg-att-plot .nsewdrag").bounding_box()
    cell = plot["width"] / len(z)
    page.mouse.move(plot["x"] + 2.5 * cell, plot["y"] + 3.5 * cell)
    tip = page.locator(".pg-att-plot-wrap .pg-att-tip")
    tip.wait_for()
    said = re.fullmatch(r"ful looks at wonder: ([\d.]+)", tip.inner_text())
    assert float(said.group(1)) == pytest.approx(z[3][2], rel=1e-4)
    assert page.locator(".pg-lens-title").inner_text() == "“ful” looks at"
    page.mouse.click(plot["x"] + 2.5 * cell, plot["y"] + 3.5 * cell)
    page.wait_for_function("playground.look.token?.place === 3")
    assert "token=0%3A3" in page.url
    assert page.evaluate("document.getElementById('pg-att-plot').layout.shapes.length") == 1
    buttons = page.locator("#pg-att-plot .modebar-btn")
    assert buttons.evaluate_all("all => all.map(one => one.dataset.title)") == ["Zoom in", "Zoom out", "Reset axes"]
    before = page.evaluate("document.getElementById('pg-att-plot').layout.xaxis.range")
    buttons.first.click()
    page.wait_for_function(
        "before => document.getElementById('pg-att-plot').layout.xaxis.range[0] > before", arg=before[0]
    )
    buttons.last.click()
    page.wait_for_function(
        "before => document.getElementById('pg-att-plot').layout.xaxis.range[0] === before", arg=before[0]
    )


def test_each_control_changes_the_matrix_and_a_head_is_fetched_once(looker):
    page = looker.page
    whole = looker.z
    page.get_by_label("words instead of pieces").check()
    looker.wait_head(words=True)
    assert len(looker.z) == len(whole) - 1
    assert page.locator(".pg-lens-token", has_text=re.compile("^wonderful$")).count() == 1
    page.get_by_label("words instead of pieces").uncheck()
    looker.wait_head(words=False)
    page.get_by_label("hide special tokens").check()
    looker.wait_head(hide_special=True)
    assert len(looker.z) == len(whole) - 2
    assert re.search(
        r"\d+(\.\d)? % of these rows’ weight goes to hidden columns", page.locator(".pg-att-facts").inner_text()
    )
    page.get_by_label("hide special tokens").uncheck()
    page.get_by_label("hide the first token").check()
    looker.wait_head(hide_first=True, hide_special=False)
    assert len(looker.z) == len(whole) - 1
    page.get_by_label("hide the first token").uncheck()
    for combine in ("layer-mean", "layer-max", "all-mean", "all-max", "one"):
        page.select_option("#pg-att-combine", combine)
        looker.wait_head(combine=combine)
    assert looker.z == whole
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 0, head: 2 })")
    looker.wait_head(head=2)
    page.locator("#pg-att-mass").fill("30")
    looker.wait_head(mass=30)
    assert any(value is None or value != value for row in looker.z for value in row)
    assert "30 % of each row" in page.locator(".pg-att-mass-said").inner_text()
    page.locator("#pg-att-mass").fill("100")
    looker.wait_head(mass=100)
    asked = len(looker.questions("attention_head"))
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 0, head: 0 })")
    looker.wait_head(head=0)
    assert len(looker.questions("attention_head")) == asked


def test_the_lens_reads_both_ways_and_by_keys(looker):
    page = looker.page
    z = looker.z
    looker.token("ful").hover()
    rows = page.locator(".pg-lens-list li")
    assert rows.first.locator("bdi").inner_text() == "wonder"
    assert float(rows.first.locator("b").inner_text()) == pytest.approx(z[3][2], abs=6e-4)
    assert rows.count() == 5
    page.get_by_role("button", name="what looks at it").click()
    looker.token("wonder").hover()
    assert page.locator(".pg-lens-title").inner_text() == "“wonder” is looked at by"
    assert rows.first.locator("bdi").inner_text() == "ful"
    looker.token("wonder").click()
    assert page.evaluate("playground.look.token") == {"side": 0, "place": 2}
    assert "token=0%3A2" in page.url
    page.keyboard.press("Escape")  # it has no focus yet: nothing happens there
    looker.token("wonder").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "ful"
    page.keyboard.press("Enter")
    assert page.evaluate("playground.look.token") == {"side": 0, "place": 3}
    assert looker.token("ful").get_attribute("aria-selected") == "true"
    page.keyboard.press("Escape")
    assert page.evaluate("playground.look.token") is None
    assert page.locator(".pg-lens-text").inner_text().replace("\n", "") == f"[CLS]{TEXT}[SEP]"


def test_an_encoder_decoder_has_three_parts_and_two_texts(looker):
    page = looker.page
    looker.look("The dog sleeps.", REWRITER)
    page.locator("#pg-att-overview").get_by_role("button", name="decoder to encoder").click()
    looker.wait_head(part="cross", layer=0, head=0)
    assert looker.title.startswith("decoder to encoder · layer 1 · head 1")
    assert page.locator(".pg-lens-side").all_inner_texts() == ["It read", "It wrote"]
    assert page.get_by_role("group", name="Direction").count() == 0
    page.locator(".pg-lens-token[data-side='1']").last.hover()
    assert page.locator(".pg-lens-title").inner_text().endswith("” looks at")
    looker.token("dog").hover()
    assert page.locator(".pg-lens-title").inner_text() == "“dog” is looked at by"


def test_any_text_is_text(looker):
    page = looker.page
    looker.look(EVIL)
    joined = EVIL.replace("\u200d", "+")  # the joiner is a token, and would not be seen
    assert page.locator(".pg-lens-text").inner_text().replace("\n", "") == f"[CLS]{joined}[SEP]"
    page.locator(".pg-lens-token[data-part]").hover()
    assert page.locator(".pg-lens-title").inner_text() == "“U+200D” looks at"
    assert page.locator("#pg-att-plot .xtick", has_text="script").count() == 1
    looker.look("a")
    looker.look("word " * 600)
    assert "Many tokens" in page.locator(".pg-att-axes").inner_text()
    assert len(looker.z) == 512
    assert 5 < page.locator("#pg-att-plot .xtick").count() < 60
    page.select_option("#pg-att-combine", "all-mean")
    page.locator("#pg-att-head .pg-input-error", has_text="too long for all layers").wait_for()
    page.select_option("#pg-att-combine", "one")
    page.wait_for_function("!document.querySelector('#pg-att-head .pg-input-error').textContent")


def test_a_late_answer_of_an_older_choice_is_dropped_and_an_error_stands_beside(looker):
    page = looker.page
    held = []
    page.route(
        "**/playground/ask",
        lambda route: (
            held.append(route) if (route.request.post_data_json or {}).get("head") == 3 else route.continue_()
        ),
    )
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 1, head: 3 })")
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 1, head: 1 })")
    looker.wait_head(layer=1, head=1)
    for route in held:
        route.continue_()
    page.wait_for_timeout(400)
    assert page.evaluate(HEAD)["head"] == 1
    page.unroute("**/playground/ask")
    page.route("**/playground/ask", lambda route: route.fulfill(json={"error": "The model is gone: look again."}))
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 2, head: 2 })")
    page.locator("#pg-att-head .pg-input-error", has_text="The model is gone").wait_for()
    page.unroute("**/playground/ask")
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 2, head: 1 })")
    looker.wait_head(layer=2, head=1)
    assert page.locator("#pg-att-head .pg-input-error").inner_text() == ""


def test_a_head_of_an_older_look_is_dropped_and_an_edited_text_is_not_asked_about(looker):
    page = looker.page
    held = []

    def hold(route):
        asked = route.request.post_data_json or {}
        if asked.get("do") == "attention_head" and asked["text"] == TEXT and asked["head"] == 2:
            held.append(route)
        else:
            route.continue_()

    page.route("**/playground/ask", hold)
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 0, head: 2 })")
    looker.look("Another text of six words")
    assert held
    for route in held:
        route.continue_()
    page.wait_for_timeout(400)
    ticks = page.locator("#pg-att-plot .ytick").all_text_contents()
    assert ticks[:3] == ["[CLS]", "Anothe", "r"]
    page.fill("#pg-att-text", "edited, and not looked at")
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 1, head: 2 })")
    looker.wait_head(layer=1, head=2)
    assert looker.questions("attention_head")[-1]["text"] == "Another text of six words"


def test_without_its_script_there_is_a_sentence_and_the_text_all_the_same(server, usual_looker, usual):
    usual.route("**/assets/plotly/**", lambda route: route.abort())
    looker = usual_looker()
    looker.page.locator("#pg-att-head .pg-input-error", has_text="heatmap's script did not come").wait_for()
    assert looker.page.locator(".pg-lens-list li").count() == 5
    usual.unroute("**/assets/plotly/**")
    looker.page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 1, head: 1 })")
    looker.wait_head(layer=1, head=1)
    assert looker.page.locator("#pg-att-head .pg-input-error").inner_text() == ""
    looker.page.close()


def test_a_long_text_is_asked_for_one_layer_at_a_time(looker):
    page = looker.page
    looker.look("word " * 600)
    asked = len(looker.questions("attention_head"))
    page.get_by_role("listbox", name=re.compile("^Heads of")).focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    looker.wait_head(layer=1, head=3)
    assert len(looker.questions("attention_head")) == asked + 1


def test_the_themes_colours_are_the_pictures(looker):
    page = looker.page
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        surface = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--pg-surface').trim()")
        wanted = [int(surface[at : at + 2], 16) for at in (1, 3, 5)]
        page.wait_for_function(
            "surface => document.getElementById('pg-att-plot').layout.plot_bgcolor === surface", arg=surface
        )
        box = page.evaluate(
            "() => { const canvas = document.querySelector('.pg-att-grid canvas').getBoundingClientRect();"
            " const chosen = document.querySelector('.pg-att-chosen').getBoundingClientRect();"
            " return [chosen.right - canvas.x - 4, chosen.y - canvas.y + 3, 1, 1]; }"
        )
        corner = page.evaluate(INK, box)[:3]  # the first token looks at itself: nothing at the row's other end
        assert max(abs(one - other) for one, other in zip(corner, wanted, strict=True)) <= 3


def test_the_kind_of_a_head_and_the_test_for_induction(looker):
    page = looker.page
    kind = page.locator("#pg-att-kind")
    kind.locator(".pg-att-kind-verdict", has_text="previous token").wait_for()
    assert kind.get_by_role("button", name="Repeat random tokens").count() == 0  # for models that go on with a text
    assert kind.get_by_text("this one does not").is_visible()
    looker.look(TEXT, DECODER)
    kind.get_by_role("button", name="Repeat random tokens").click()
    cell = kind.get_by_role("button", name=re.compile("layer 2 · head 3.*induction head"))
    cell.click()
    looker.wait_head(layer=1, head=2)
    assert cell.get_attribute("aria-current") == "true"


def test_a_link_opens_the_head_and_the_token(usual_looker):
    looker = usual_looker(
        f"#page=attention&model={quote(ENCODER)}&part=encoder&layer=2&head=1&token=0:4&text={quote(TEXT)}"
    )
    looker.wait_head(layer=2, head=1)
    assert looker.token("dog").first.get_attribute("aria-selected") == "true"
    assert looker.page.evaluate("document.getElementById('pg-att-plot').layout.shapes.length") == 1
    looker.page.close()
    assert not looker.problems


def test_it_can_be_read_and_fits_a_phone(looker):
    page = looker.page
    looker.look(TEXT, DECODER)
    page.get_by_role("button", name="Repeat random tokens").click()
    page.locator(".pg-att-kind-grid").wait_for()
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        for _ in range(40):
            unreadable = page.evaluate(CONTRAST)
            if not unreadable:
                break
            page.wait_for_timeout(250)
        assert unreadable == []
    assert page.evaluate(NAMELESS) == []
    for width in (820, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        plot = page.locator("#pg-att-plot .main-svg").first.bounding_box()
        assert plot["x"] + plot["width"] <= width
    page.set_viewport_size({"width": 1440, "height": 940})


def test_the_heatmap_is_named_and_what_is_in_it_can_be_reached(looker):
    plot = looker.page.get_by_role("group", name=re.compile("^Heatmap, layer 1 · head 1"))
    assert plot.get_by_role("button", name="Zoom in").count() == 1
    assert "dog" not in plot.aria_snapshot().split("\n", 1)[1]  # the names of the axes are not read one by one
