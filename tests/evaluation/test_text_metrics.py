"""What bench prints of texts: as the packages count, and by hand."""

import subprocess
import sys

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from playground.core.writing_task import WritingTask
from playground.core.writing_types import Foreseen, References, Text
from playground.evaluation import text_metrics
from playground.evaluation.score import score

WORDS = {"title": "T", "question": "?", "placeholder": "", "examples": (), "instruction": "", "fields": ()}
SHORT = WritingTask(name="short", metrics=("rouge1", "rouge2", "rougeL"), **WORDS)
OTHER = WritingTask(name="other", metrics=("sacrebleu",), **WORDS)
SEEN = WritingTask(name="seen", metrics=("bits_per_byte",), **WORDS)
ROWS = [
    (("The cat sat on the mat.", "There is a cat on the mat."), "A cat sat on the mat."),
    (("It is raining again today, they say.",), "They say that it rains today."),
    (("One more line for the smoothing.",), "Nothing alike here at all"),
]


def pairs(task, rows):
    return [task.pairs("", References(texts), None if said is None else Text(said)) for texts, said in rows]


def test_bleu_is_sacrebleus_over_the_whole_file():
    found = score(OTHER, pairs(OTHER, ROWS))
    width = max(len(texts) for texts, _ in ROWS)
    streams = [[texts[i] if i < len(texts) else None for texts, _ in ROWS] for i in range(width)]
    wanted = sacrebleu.corpus_bleu([said for _, said in ROWS], streams)
    assert found["metrics"]["sacrebleu"] == pytest.approx(wanted.score, abs=1e-5)
    low, high = found["intervals_95"]["sacrebleu"]
    assert 0 <= low <= found["metrics"]["sacrebleu"] <= high <= 100


def test_bleu_by_hand():
    # 4 of 5 words, 2 of 4 pairs, 1 of 3 triples, none of 2 of four: smoothed to 1/2 of one (Chen and Cherry 2014, method 3)
    found = score(OTHER, pairs(OTHER, [(("a b c d e",), "a b c x e")]))
    assert found["metrics"]["sacrebleu"] == pytest.approx(100 * (4 / 5 * 2 / 4 * 1 / 3 * 1 / 4) ** 0.25, abs=1e-4)


def test_rouge_takes_the_nearest_reference_of_each_and_then_the_mean():
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    found = score(SHORT, pairs(SHORT, ROWS))
    for name, value in found["metrics"].items():
        each = [max(scorer.score(text, said)[name].fmeasure for text in texts) for texts, said in ROWS]
        assert value == pytest.approx(sum(each) / len(each), abs=1e-6)
        low, high = found["intervals_95"][name]
        assert 0 <= low <= value <= high <= 1


def test_rouge_by_hand():
    # "we train model" and "we trained the model": three words of 3 and 4 once they are stemmed, one pair of 2 and 3
    found = text_metrics.rouge(["we trained the model"], "we train model")
    assert found == pytest.approx({"rouge1": 6 / 7, "rouge2": 2 / 5, "rougeL": 6 / 7})


def test_a_missing_answer_is_an_empty_one():
    rows = [ROWS[0], (("The same words again.",), None)]
    assert score(SHORT, pairs(SHORT, rows))["metrics"] == pytest.approx(
        {name: value / 2 for name, value in score(SHORT, pairs(SHORT, rows[:1]))["metrics"].items()}, abs=1e-6
    )
    missing = score(OTHER, pairs(OTHER, rows[1:]))["metrics"]["sacrebleu"]
    assert missing == 0
    assert score(OTHER, pairs(OTHER, rows))["metrics"]["sacrebleu"] > 0


def test_bits_are_summed_over_all_bytes_and_what_is_missing_costs_eight():
    rows = [SEEN.pairs("", References((text,)), said) for text, said in (("abcd", Foreseen(8.0, 4)), ("é", None))]
    found = score(SEEN, rows)
    assert found["metrics"] == {"bits_per_byte": pytest.approx((8 + 16) / (4 + 2))}
    low, high = found["intervals_95"]["bits_per_byte"]
    assert 2 <= low <= 4 <= high <= 8


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("ab cé.", min_size=1).filter(str.strip), min_size=1, max_size=4))
def test_figures_stay_in_their_range(texts):
    for said in (*texts, ""):
        assert all(0 <= value <= 1 for value in text_metrics.rouge(texts, said).values())
    rows = [((text,), texts[0]) for text in texts]
    assert 0 <= score(OTHER, pairs(OTHER, rows))["metrics"]["sacrebleu"] <= 100.0001


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from("anna likes long walks home".split()), min_size=4), min_size=1, max_size=4))
def test_the_same_texts_are_perfect(words):
    rows = [((text, "something else"), text) for text in map(" ".join, words)]
    assert score(OTHER, pairs(OTHER, rows))["metrics"]["sacrebleu"] == pytest.approx(100)
    assert set(score(SHORT, pairs(SHORT, rows))["metrics"].values()) == {1.0}


def test_the_packages_are_imported_when_they_are_needed():
    code = "import sys, playground.evaluation.score; print({'sacrebleu', 'rouge_score', 'nltk'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
