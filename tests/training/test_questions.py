"""Sets of questions: where an answer stands, who is held out, and the knowledge base that comes with the project."""

import json

import pytest

from playground.training import questions
from playground.training.answer_baselines import sentence_and_phrase
from playground.training.evaluate_answers import Said, figures, noticed, threshold
from playground.training.questions import Question, located

CONTEXT = "Mara lives in Bremen. Tom was born in 1931, and Mara in 1940. He works on Main Street (in Maine)."


def asked(question, *answers, context=CONTEXT, article="a"):
    at = (context.index(answers[0]), context.index(answers[0]) + len(answers[0])) if answers else (-1, -1)
    return Question(question, context, answers, *at, article)


@pytest.mark.parametrize(
    ("question", "answer", "place"),
    [
        ("Who was born in 1940?", "Mara", CONTEXT.rindex("Mara")),
        ("Who lives in Bremen?", "Mara", 0),
        ("Where is it?", "in", 11),  # as a word of its own; not inside another
        ("Where?", "Main", CONTEXT.index("Main Street")),
        ("Where?", "Berlin", None),
        ("Where?", "", None),
    ],
)
def test_an_answer_stands_where_the_question_points(question, answer, place):
    found = located(question, CONTEXT, answer)
    assert (None if found is None else found[0]) == place


def test_sentences_cover_what_is_written():
    assert [CONTEXT[a:b].strip() for a, b in questions.sentences(CONTEXT)][:2] == [
        "Mara lives in Bremen.",
        "Tom was born in 1931, and Mara in 1940.",
    ]
    assert questions.sentences("") == []


@pytest.fixture
def folder(tmp_path):
    def article(number, title):
        context = f"{title} has {number} doors. It was painted in {1900 + number}."
        rows = [
            ("How many doors?", str(number)),
            ("When was it painted?", str(1900 + number)),
            ("Who?", "nobody at all"),
        ]
        qas = [{"question": q, "answers": [{"text": a, "answer_start": 0, "n_occurrences": 1}]} for q, a in rows]
        return {"title": title, "paragraphs": [{"context": context, "qas": qas}]}

    (tmp_path / "qa").mkdir()
    for part, numbers in (("train", range(2, 90)), ("dev_half", range(100, 110))):
        data = {"data": [article(number, f"House {number}") for number in numbers]}
        (tmp_path / "qa" / f"squad_v1.1_{part}.json").write_text(json.dumps(data))
    return tmp_path


def test_no_article_is_in_two_parts(folder):
    split = questions.squad(folder)
    parts = [{q.article for q in part} for part in (split.train, split.valid, split.held["test"])]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    assert all(q.context[q.start : q.end] == q.answers[0] for q in split.train)
    assert len(split.held["test"]) == 20  # what does not stand in its context is left out


def test_unanswerable_questions_have_a_context_without_their_answer(folder):
    train = questions.squad(folder).train
    others = questions.unanswerable(train, 0.5, 0)
    assert 0.2 * len(train) < len(others) <= 0.5 * len(train)
    answers = {(q.question, q.context): q.answers[0] for q in train}
    assert all(q.answers == () and (q.start, q.end) == (-1, -1) for q in others)
    houses = {q.context: q.article for q in train}
    assert all(houses[q.context] != q.article for q in others)  # each article here has one context
    assert all((q.question, q.context) in answers for q in others)
    assert questions.unanswerable(train, 0.5, 0) == others


def test_the_knowledge_base_is_whole():
    path = questions.DATASETS / "knowledge-base" / "articles.json"
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    assert len(articles) == 40
    assert len({article["title"] for article in articles}) == 40
    ids = set()
    for article in articles:
        (paragraph,) = article["paragraphs"]
        context = paragraph["context"]
        assert 115 <= len(context.split()) <= 250, article["title"]
        assert len(paragraph["qas"]) == 10
        assert len({one["question"] for one in paragraph["qas"]}) == 10
        for one in paragraph["qas"]:
            (answer,) = one["answers"]
            start, text = answer["answer_start"], answer["text"]
            assert context[start : start + len(text)] == text
            assert text == text.strip()
            assert 1 <= len(text.split()) <= 12
            assert "\n" not in text
            assert not context[start - 1 : start].isalnum() or not text[0].isalnum(), (text, "begins inside a word")
            assert not context[start + len(text) :][:1].isalnum() or not text[-1].isalnum(), (
                text,
                "ends inside a word",
            )
            ids.add(one["id"])
    assert len(ids) == 400
    assert "CC0" in (path.parent / "README.md").read_text()


def test_the_knowledge_base_is_split_by_article():
    split = questions.knowledge_base()
    sizes = [len({q.article for q in part}) for part in (split.train, split.valid, split.held["test"])]
    assert sizes == [28, 4, 8]
    assert [len(split.train), len(split.valid), len(split.held["test"])] == [280, 40, 80]
    assert len({q.article for part in (split.train, split.valid, split.held["test"]) for q in part}) == 40


def test_the_baseline_by_hand():
    assert sentence_and_phrase(asked("When was Tom born?")) == "1931"
    assert sentence_and_phrase(asked("Where does Mara live?")) == "Bremen"
    assert sentence_and_phrase(asked("", context="")) == ""
    assert sentence_and_phrase(asked("is it?", context="It is.")) == "It is."


def test_figures_and_threshold():
    rows = [asked("When was Tom born?", "1931"), asked("Where does Mara live?", "Bremen"), asked("What?")]
    said = [Said("1931", 0.1), Said("in Bremen", 0.3), Said("Tom", 0.9)]
    found = figures(rows, said, 0.5)
    assert found == {
        "n": 3,
        "answer_f1": round((1 + 2 / 3 + 1) / 3, 4),
        "exact_match": round(2 / 3, 4),
        "phrase_f1": round((1 + 1 + 0) / 3, 4),
        "phrase_exact_match": round(2 / 3, 4),
        "called_unanswerable": round(1 / 3, 4),
    }
    assert noticed(said, 0.25) == round(2 / 3, 4)
    sure = [Said(q.answers[0], none) for q, none in zip(rows[:2], (0.1, 0.777), strict=True)]
    assert threshold(rows[:2], sure) == 0.78  # below it the second would be lost
    assert threshold(rows[:1], sure[:1]) == 0.5
