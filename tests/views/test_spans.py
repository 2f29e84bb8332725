"""Answers of spans on a card: the text as it was written, what was found in it, and how that stands to the truth."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.events import Finished
from playground.core.task import Label
from playground.core.types import Choice, Source, Span, Spans, Stats
from playground.views.announce import announcement
from playground.views.card import card
from playground.views.kinds import view_of
from playground.views.kinds.spans import COLUMNS
from playground.views.span_gold import judged
from playground.views.span_text import LISTED, MANY, Palette, marked_text, marks_of
from playground.views.state import Asked, CardState, Phase, fold, waiting
from tests.fakes.spans import classes_task, fake_spans, names_task
from tests.views.conftest import HOSTILE, spans, words
from tests.views.test_html import CONTROLS, Tags, parsed

ENTITIES = Asked("spans", tuple(Label(name, f"A {name}.") for name in ("PER", "LOC", "ORG")), ("entity", "entities"))
WORDS = Asked("spans", tuple(Label(f"T{n}", f"Tag {n}.") for n in range(17)), ("word", "words"), every_word=True)
TEXT = "Anna of the Bank of England."
ANNA, BANK, ENGLAND = (
    Span(0, 4, "PER", "Anna", 0.98),
    Span(12, 27, "ORG", "Bank of England"),
    Span(20, 27, "LOC", "England"),
)
KNOWN = ("PER", "LOC", "ORG")


def answered(output, text=TEXT, asked=ENTITIES, **changes):
    fixed = {"choices": (Choice("a", "A", Source.BUNDLED),), "phase": Phase.DONE, "stats": Stats(source=Source.BUNDLED)}
    return CardState("scratch", 4, "From scratch", asked=asked, input=text, output=output, **{**fixed, **changes})


def shown(state):
    return " ".join("".join(parsed(card(state)).text).replace("\xa0", " ").split())


class TextOnly(Tags):
    """What a browser shows in the text's box, and which names beside it: `<small>` is no text of the visitor's."""

    def __init__(self):
        super().__init__()
        self.open, self.beside = [], []

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.beside if "small" in self.open else self.text).append(data)


def in_box(markup):
    found = TextOnly()
    found.feed(markup)
    found.close()
    assert not found.open
    return found


def as_shown(text):
    return "".join(
        "\ufffd" if character in CONTROLS or character in "\ufffe\uffff" else character for character in text
    )


@given(st.one_of(words, st.text(max_size=60)), spans, st.one_of(st.none(), spans))
def test_the_text_stands_there_as_it_was_written(text, output, true):
    verdict = None
    if true is not None:
        verdict = judged(output, true.spans)
    markup, _ = marked_text(text, marks_of(output, verdict), Palette(ENTITIES, output.labels))
    found = in_box(markup)
    assert "".join(found.text) == as_shown(text)
    assert {tag for tag, _ in found.tags} <= {"mark", "small", "span"}
    for tag, attributes in found.tags:
        assert set(attributes) <= ({"class", "title"} if tag == "mark" else {"class"})
        assert re.fullmatch(r"(pg-[a-z]+\d?( |$))*", attributes.get("class", ""))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_model_names_its_labels_is_no_markup(hostile):
    output = Spans((Span(0, 4, hostile, hostile, 0.5), Span(2, 6, hostile, hostile)), (hostile,))
    asked = Asked("spans", (Label(hostile, hostile),), (hostile, hostile))
    markup = card(answered(output, f"{hostile} and more", asked, gold=(Span(1, 3, hostile, hostile),), right=False))
    tags = parsed(markup).tags
    assert not {"script", "img", "iframe", "a"} & {tag for tag, _ in tags}
    assert not [
        name for _, attributes in tags for name in attributes if name.startswith("on") or name in ("href", "src")
    ]


def test_nested_spans_have_both_their_names_and_an_order():
    output = Spans((ANNA, BANK, ENGLAND), KNOWN, "stated")
    markup, pieces = marked_text(TEXT, marks_of(output, None), Palette(ENTITIES))
    assert pieces.depth == 2
    assert re.sub(r' title="[^"]*"', "", markup) == (
        '<mark class="pg-e pg-l0">Anna<small> PER</small></mark> of the '
        '<mark class="pg-e pg-l2 pg-up1 pg-off">Bank of </mark>'
        '<mark class="pg-e pg-l2 pg-up1 pg-on"><mark class="pg-e pg-l1">England<small> LOC</small></mark>'
        "<small> ORG</small></mark>."
    )


def test_overlapping_spans_are_cut_and_each_is_named_once():
    output = Spans((Span(0, 7, "ORG", "Anna of"), Span(5, 11, "PER", "of the")), KNOWN)
    found = in_box(marked_text(TEXT, marks_of(output, None), Palette(ENTITIES))[0])
    assert "".join(found.text) == TEXT
    assert found.beside == [" ORG", " PER"]


def test_hovering_and_listening_say_description_and_score():
    markup = card(answered(Spans((ANNA, BANK), KNOWN)))
    titles = [attributes.get("title") for tag, attributes in parsed(markup).tags if tag == "mark"]
    assert titles == ["PER: A PER. · 0.98", "ORG: A ORG."]
    heard = re.findall(r'<ul class="pg-sr" aria-label="2 entities">(.*?)</ul>', markup)[0]
    assert parsed(heard).text == ["Anna: PER: A PER. · 0.98", "Bank of England: ORG: A ORG."]


def test_headlines_count_and_an_empty_answer_is_one():
    view = view_of(Spans(()))
    assert [view.headline(Spans((ANNA,) * count), ENTITIES) for count in (0, 1, 3)] == [
        "no entity",
        "1 entity",
        "3 entities",
    ]
    assert view.headline(Spans((ANNA,) * 1234), WORDS) == "1,234 words"
    assert view.said(Spans(())) == "none"
    assert view.said(Spans((ANNA, BANK))) == "PER Anna, ORG Bank of England"
    assert view.said(Spans((ANNA,) * 6)).endswith(", +2")


def test_confidence_is_the_mean_of_computed_scores():
    view = view_of(Spans(()))
    assert view.confidence(Spans((Span(0, 1, "PER", "A", 0.5), Span(2, 3, "PER", "B", 1.0)))) == 0.75
    assert view.confidence(Spans((ANNA, BANK))) is None
    assert view.confidence(Spans(())) is None
    assert "gave no scores" in shown(answered(Spans((BANK,), KNOWN, "stated")))
    assert "gave no scores" not in shown(answered(Spans((ANNA,), KNOWN)))


def test_what_an_endpoint_named_and_nobody_wrote_is_said():
    assert "1 entity that it named does not stand in the text" in shown(answered(Spans((ANNA,), KNOWN, unplaced=1)))
    assert "3 entities that it named do not stand in the text" in shown(answered(Spans((ANNA,), KNOWN, unplaced=3)))
    assert "left out" not in shown(answered(Spans((ANNA,), KNOWN)))


def test_the_labels_that_a_model_knows_stand_above_its_answer():
    knows = parsed(card(answered(Spans((ANNA, BANK), KNOWN))).split("pg-knows")[1].split("</p>")[0]).text
    assert " ".join("".join(knows).split()).endswith("finds PER 1 LOC ORG 1")
    many = answered(Spans(tuple(Span(n, n + 1, f"T{n % 9}", "x") for n in range(20)), WORDS.names), "x" * 30, WORDS)
    assert "T0 3 T1 3 T2 2 T3 2 T4 2 T5 2 of 17 labels" in shown(many)


def test_the_same_label_has_the_same_colour_on_every_card():
    general, medical = Palette(ENTITIES, ("PER", "LOC")), Palette(ENTITIES, ("loc", "new_label"))
    assert general.cls("LOC") == medical.cls("loc") == "pg-l1"
    assert medical.cls("new label") == "pg-l3"
    assert len({Palette(WORDS).cls(name) for name in WORDS.names}) == 17


GOLD = (Span(0, 4, "PER", "Anna"), Span(12, 27, "ORG", "Bank of England"), Span(23, 27, "LOC", "land"))


@pytest.mark.parametrize(
    ("found", "known", "right", "said"),
    [
        (GOLD, KNOWN, True, "✓ gold"),
        ((ANNA,), KNOWN, False, "✗ 1 of 3 gold found"),
        ((ANNA, ENGLAND), KNOWN, False, "✗ 1 of 3 gold found, 1 extra"),
        ((ANNA,), ("PER",), True, "✓ gold"),
        ((), ("Chemical",), None, "gold has none of its labels"),
        ((Span(0, 4, "Chemical", "Anna"),), ("Chemical",), False, "✗ gold has none of its labels, 1 extra"),
    ],
)
def test_the_verdict_counts(found, known, right, said):
    state = answered(Spans(found, known), gold=GOLD, right=right)
    verdict = parsed(card(state).split('class="pg-verdict"')[1].split("</p>")[0])
    assert "".join(verdict.text).lstrip(">") == said
    if len(known) == 1:
        assert "that this model cannot give" in verdict.tags[0][1]["title"]


def test_a_text_without_names_can_be_right_and_wrong():
    assert "✓ gold" in shown(answered(Spans((), KNOWN), gold=(), right=True))
    assert "✗ gold has none, 1 extra" in shown(answered(Spans((ANNA,), KNOWN), gold=(), right=False))
    assert "gold" not in shown(answered(Spans((ANNA,), KNOWN)))


def test_missed_and_extra_ones_are_marked_with_words():
    wrong = Span(12, 27, "LOC", "Bank of England")
    markup, _ = marked_text(TEXT, marks_of(Spans((wrong,), KNOWN), judged_(Spans((wrong,), KNOWN))), Palette(ENTITIES))
    assert '<mark class="pg-missed" title="Missed · PER: A PER.">Anna<small> PER' in markup
    assert '<small> LOC ✗<span class="pg-sr"> wrong</span></small>' in markup
    assert '<small class="pg-true"> ORG<span class="pg-sr"> is true</span></small>' in markup
    assert "the true answer is ORG" in markup


def judged_(output):
    return judged(output, GOLD[:2])


def test_true_spans_of_labels_that_the_model_cannot_give_are_not_missed():
    output = Spans((), ("PER",))
    assert [mark.span for mark in marks_of(output, judged_(output))] == [GOLD[0]]


def test_words_stand_over_their_classes_but_not_from_right_to_left():
    tagged = Spans((Span(0, 2, "T0", "ab"), Span(3, 4, "T1", "c")), WORDS.names)
    assert "pg-gloss" in card(answered(tagged, "ab c", WORDS))
    assert "pg-gloss" not in card(answered(tagged, "אב c", WORDS))
    assert 'dir="rtl"' in card(answered(tagged, "1: אב c", WORDS))
    assert 'dir="ltr"' in card(answered(tagged, "… ab ב", WORDS))
    long = Spans(tuple(Span(2 * n, 2 * n + 1, "T0", "x") for n in range(COLUMNS + 1)), WORDS.names)
    assert "pg-gloss" not in card(answered(long, "x " * (COLUMNS + 1), WORDS))
    assert "pg-gloss" not in card(
        answered(Spans((*tagged.spans, Span(0, 4, "T2", "ab c")), WORDS.names), "ab c", WORDS)
    )
    assert "✗ 1 of 2 as gold" in shown(
        answered(tagged, "ab c", WORDS, gold=(Span(0, 2, "T0"), Span(3, 4, "T5")), right=False)
    )


def test_before_the_answer_the_text_stands_there_and_before_the_text_a_promise():
    idle = CardState("scratch", 4, "From scratch", asked=ENTITIES)
    assert "Your text will stand here with its entities marked." in shown(idle)
    started = waiting(idle, model=None, gold=None, input=TEXT)
    assert TEXT in shown(started)
    assert "<mark" not in card(started)
    unsupported = CardState(
        "scratch", 4, "From scratch", asked=ENTITIES, phase=Phase.UNSUPPORTED, error="No checkpoint."
    )
    assert "Your text" not in shown(unsupported)


def test_every_phase_has_the_same_boxes():
    def boxes(state):
        classes = [
            attributes.get("class", "").split(" ")[0] for tag, attributes in parsed(card(state)).tags if tag != "mark"
        ]
        return [
            name
            for name in classes
            if name in ("pg-body", "pg-knows", "pg-marked", "pg-answer", "pg-verdict", "pg-note")
        ]

    states = [answered(None, phase=phase, error="why") for phase in Phase if phase is not Phase.DONE]
    assert {tuple(boxes(state)) for state in [*states, answered(Spans((ANNA,), KNOWN))]} == {
        ("pg-answer", "pg-verdict", "pg-body", "pg-knows", "pg-marked", "pg-note")
    }


def test_what_changed_since_the_last_run_is_said_by_words_not_places():
    moved = Spans((Span(9, 13, "PER", "Anna", 0.5),), KNOWN)
    view = view_of(moved)
    assert view.change(Spans((ANNA,), KNOWN), moved) is None
    assert view.change(Spans((ANNA, BANK), KNOWN), Spans((ANNA, ENGLAND, ENGLAND), KNOWN)) == (
        "+1 −2 since last run",
        "New: ORG Bank of England. Gone: LOC England, LOC England.",
    )
    assert "+1 since last run" in shown(answered(Spans((ANNA, BANK), KNOWN), previous=Spans((ANNA,), KNOWN)))


def test_only_what_both_models_know_can_differ():
    view = view_of(Spans(()))
    general, medical = Spans((ANNA,), ("PER", "LOC")), Spans((Span(0, 4, "Disease", "Anna"),), ("Disease",))
    assert view.differ([general, medical]) is None
    assert view.differ([general]) is None
    assert view.differ([general, medical, Spans((), ("LOC", "PER"))]) is True
    assert view.differ([general, medical, Spans((ANNA, BANK), ("per", "ORG"))]) is False


def test_a_screen_reader_hears_what_was_found():
    said = "".join(parsed(announcement([answered(Spans((ANNA, BANK), KNOWN)), answered(Spans((), KNOWN))])).text)
    assert said == "From scratch: 2 entities: PER Anna, ORG Bank of England.From scratch: no entity."
    assert "".join(parsed(announcement([answered(Spans((ANNA,)), asked=WORDS)])).text) == "From scratch: 1 word, 0.98."


@pytest.mark.parametrize("task", [names_task(), classes_task()], ids=["entities", "words"])
def test_a_long_text_is_a_page_of_bounded_size_and_reaches_its_end(task):
    text = ("Anna took ibuprofen in Porto and had a rash, the Guardian says. " * 400)[:19_996] + " end"
    output = fake_spans(task, text, "pretrained")
    state = answered(output, text, Asked("spans", task.labels, task.noun, task.every_word))
    markup = card(state)
    assert len(output.spans) > 900
    assert len(markup) < len(text) * 20
    found = in_box(markup.split('role="group"')[1].split(">", 1)[1].split("</div>")[0])
    assert "".join(found.text) == text
    assert markup.count("<li") <= LISTED + 1
    assert len(output.spans) > MANY
    assert "A person." not in markup.split("pg-marked")[1].split("</div>")[0]  # the legend says it


def test_a_finished_card_shows_the_text_of_its_own_run():
    state = waiting(CardState("scratch", 4, "From scratch", asked=ENTITIES), model=None, gold=None, input=TEXT)
    state = fold(state, Finished(seq=0, output=Spans((ANNA,), KNOWN), stats=Stats()))
    assert ">Anna<small> PER</small></mark> of the Bank" in card(state)
