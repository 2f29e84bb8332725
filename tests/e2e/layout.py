"""Where things stand on the page and how they look: scripts that measure it, and what must hold of every task."""

BOXES = """() => [...document.querySelectorAll('.pg-tab[data-shown] .pg-card > *')].map(part => {
  const box = part.getBoundingClientRect(); return [Math.round(box.top), Math.round(box.height)].join() })"""

# WCAG 2.2: relative luminance; text of 24 px, or 18.66 px bold, needs 3, other text 4.5. Disabled controls are exempt.
CONTRAST = """() => {
  const channel = c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const parse = color => { const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const luminance = ([r, g, b]) => .2126 * channel(r / 255) + .7152 * channel(g / 255) + .0722 * channel(b / 255);
  const ground = element => { for (let e = element; e; e = e.parentElement) {
    const color = parse(getComputedStyle(e).backgroundColor); if (color[3] > 250) return color; } return [255, 255, 255, 255]; };
  const bad = [];
  const walker = document.createTreeWalker(document.querySelector('.gradio-container'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest('.pg-sr, :disabled')) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize), weight = Number(style.fontWeight);
    const [a, b] = [luminance(parse(style.color)), luminance(ground(element))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05), needed = size >= 24 || (size >= 18.66 && weight >= 700) ? 3 : 4.5;
    if (ratio < needed) bad.push(`${text.slice(0, 40)} ${ratio.toFixed(2)} < ${needed} (${element.className})`);
  }
  return bad;
}"""

# Controls that a screen reader has no name for.
NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, a[href]')].filter(e =>
  e.checkVisibility() && !(e.innerText || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)"""


def run_and_assert_that_nothing_moves(visitor) -> None:
    """Runs what is typed: from the first look to the last answer, every part of every card stays where it is."""
    before = visitor.page.evaluate(BOXES)
    visitor.press_run()
    while visitor.tab.get_attribute("data-running") is not None:
        assert visitor.page.evaluate(BOXES) == before
    assert visitor.page.evaluate(BOXES) == before


def assert_parts_stay_within_their_card(visitor, tier: str, parts: tuple[str, ...]) -> None:
    card = visitor.card(tier)
    right = card.bounding_box()["x"] + card.bounding_box()["width"]
    for part in parts:
        box = card.locator(part).bounding_box()
        assert box["x"] + box["width"] <= right + 0.5, part
