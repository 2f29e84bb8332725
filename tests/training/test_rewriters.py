"""The recipes of our encoder-decoder, small enough for seconds, and what they learn from."""

import json
from random import Random

import pytest
import torch

from playground import training
from playground.core.errors import BadFile
from playground.scratch.seq2seq import Seq2Seq
from playground.scratch.tokenizer import Tokenizer
from playground.training import rewriting, tatoeba
from playground.training.gap_sentences import gap_sentences, most_central
from playground.training.rewriting import RewriterSettings
from playground.training.summarizer_from_scratch import SummarizerSettings, gap_pair
from playground.training.translator_from_scratch import bleu

TINY = {"vocabulary": 330, "dim": 32, "layers": 1, "encoder_layers": 1, "heads": 2, "hidden": 48, "tokens": 400}
WHO = {"The cat": "Le chat", "A man": "Un homme", "My sister": "Ma sœur", "The king": "Le roi"}
DOES = {"sees": "voit", "hears": "entend", "paints": "peint"}
WHAT = {"the moon": "la lune", "a boat": "un bateau", "the sea": "la mer", "two birds": "deux oiseaux"}
WHEN = {"now": "maintenant", "today": "aujourd’hui", "here": "ici"}


def translated() -> list[tuple[str, str]]:
    return [
        (f"{a} {b} {c} {d}.", f"{WHO[a]} {DOES[b]} {WHAT[c]} {WHEN[d]}.")
        for a in WHO
        for b in DOES
        for c in WHAT
        for d in WHEN
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for name in ("translation", "summarization", "text/novels"):
        (root / name).mkdir(parents=True)
    pairs = [*translated(), ("Go.", "Va !"), ("Go!", "Allez\u202f!")]
    lines = [f"{a}\t{b}\n" for a, b in pairs]
    (root / "translation" / "tatoeba_eng_fra_train.tsv").write_text("".join(lines), encoding="utf-8")
    random = Random(0)
    said = [a for a, _ in translated()]
    articles = [f"= Thing {i} =\n\n{' '.join(random.sample(said, 6))}\n" for i in range(40)]
    (root / "text" / "wiki_paragraphs.txt").write_text("\n".join(articles))
    (root / "text" / "wikitext2_valid.txt").write_text(f" = Other = \n {said[0]} \n")
    (root / "text" / "novels" / "Writer_1.txt").write_text("\n".join(said))
    for part, count in (("train", 24), ("dev", 6)):
        rows = []
        for _ in range(count):
            source = random.sample(said, 5)
            rows.append({"source": source, "target": [source[2], source[3]][: 1 if part == "train" else 2]})
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / "summarization" / f"scitldr_{part}.jsonl").write_text(text)
    return root


@pytest.mark.parametrize("name", ["translation-scratch", "summarization-scratch"])
def test_a_recipe_runs_and_writes_what_can_be_read_back(name, data, tmp_path):
    result = training.run(name, data=data, out=tmp_path, settings=TINY | {"epochs": 1})
    assert result["done"]
    record = json.loads((tmp_path / "checkpoint.json").read_text())
    assert record["format"] == "scratch-seq2seq"
    assert record["task"] == name.removesuffix("-scratch")
    model, tokenizer = Seq2Seq.load(tmp_path), Tokenizer.load(tmp_path / "tokenizer.json")
    assert sum(p.numel() for p in model.parameters()) == record["parameters"]
    written = rewriting.write_all(model, tokenizer, ["A man sees the sea.", "Go."], 7)
    assert written == [rewriting.write_all(model, tokenizer, [one], 7)[0] for one in ("A man sees the sea.", "Go.")]
    searched = rewriting.write_all(model, tokenizer, ["A man sees the sea."], 7, beams=3)
    assert searched == rewriting.write_all(model, tokenizer, ["A man sees the sea."], 7, beams=3)
    assert "Departures from the recipe" in (tmp_path / "README.md").read_text()
    again = training.run(name, data=data, out=tmp_path, resume=True, settings=TINY | {"epochs": 1})
    assert again["files"] == result["files"]


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(data, tmp_path):
    options = {"data": data, "settings": TINY | {"epochs": 2}}
    whole = training.run("translation-scratch", out=tmp_path / "whole", **options)
    steps = []

    def three() -> bool:
        steps.append(1)
        return len(steps) > 3

    parted = training.run("translation-scratch", out=tmp_path / "parted", cancelled=three, **options)
    assert not parted["done"]
    parted = training.run("translation-scratch", out=tmp_path / "parted", resume=True, **options)
    assert parted["files"] == whole["files"]


def test_it_learns_to_translate_what_it_has_not_seen(data):
    settings = RewriterSettings(**TINY, epochs=40, rate=0.01, averaging=0.9, bfloat16=False)
    found = tatoeba.read(data)
    tokenizer = Tokenizer.train((text for both in found.train for text in both), 330, rewriting.SPECIALS)
    model = rewriting.new_model(tokenizer, settings, 0)
    pairs = [rewriting.pair(tokenizer, *both, settings) for both in found.train]
    batches = rewriting.PairBatches(*zip(*pairs, strict=True), settings.tokens, rewriting.PADDING, 0)
    from playground.scratch.train import Schedule, fit

    steps = settings.epochs * batches.per_epoch
    named = dict(model.train().named_parameters())
    fit(
        named,
        lambda step: rewriting.loss(model, batches(step), settings),
        Schedule(steps, settings.rate, 5),
        state=data / "state.safetensors",
        seed=0,
        orthogonal=[name for name, p in named.items() if p.ndim == 2 and "blocks." in name],
    )
    said = rewriting.write_all(model.eval(), tokenizer, [one.source for one in found.test], 30)
    assert bleu(said, [one.references for one in found.test]) > 60


def test_the_loss_is_that_of_the_targets_alone_and_padding_changes_nothing(data):
    settings = RewriterSettings(**TINY, smoothing=0.0, bfloat16=False)
    tokenizer = Tokenizer.train([a for a, _ in translated()], 330, rewriting.SPECIALS)
    model = rewriting.new_model(tokenizer, settings, 0).eval()
    sources = torch.tensor([[5, 6, 2], [9, 2, 0]])
    targets = torch.tensor([[1, 7, 8, 2], [1, 4, 2, 0]])
    each = []
    for source, target in (([5, 6, 2], [1, 7, 8, 2]), ([9, 2], [1, 4, 2])):
        row, mask = torch.tensor([source]), torch.ones(1, len(source), dtype=torch.bool)
        chances = model(row, mask, torch.tensor([target[:-1]])).log_softmax(-1)[0]
        each += [-chances[place, token] for place, token in enumerate(target[1:])]
    torch.testing.assert_close(rewriting.loss(model, (sources, targets), settings), torch.stack(each).mean())


def test_no_held_out_sentence_is_trained_on_in_any_spelling(data):
    found = tatoeba.read(data)
    held = {tatoeba.key_of(one.source) for one in (*found.test, *found.dev)}
    assert len(found.test) == 144 // 8
    assert len(found.dev) == 144 // 16
    assert not held & {tatoeba.key_of(source) for source, _ in found.train}
    assert len(held) == len(found.test) + len(found.dev)
    assert all(len(key.split()) >= 4 for key in held)
    assert ("Go!", "Allez !") in found.train, "blanks are of one kind where it is trained"
    assert all("’" not in text for pair in found.train for text in pair)
    assert any("’" in text for one in found.test for text in one.references), "and as they were where it is measured"


def test_a_held_out_sentence_has_all_its_translations(tmp_path):
    folder = tmp_path / "translation"
    folder.mkdir()
    lines = []
    for i in range(40):
        lines += [f"We saw the {i}th one.\tNous avons vu le {i}e.", f"we saw the {i}th one!\tOn a vu le {i}e !"]
    (folder / "tatoeba_eng_fra_train.tsv").write_text("\n".join(lines), encoding="utf-8")
    found = tatoeba.read(tmp_path)
    assert found.test
    assert all(len(one.references) == 2 for one in (*found.test, *found.dev))


def test_faults_of_the_sentence_pairs_are_told_in_a_sentence(tmp_path):
    with pytest.raises(BadFile, match="give --data"):
        tatoeba.read(None)
    (tmp_path / "translation").mkdir()
    file = tmp_path / "translation" / "tatoeba_eng_fra_train.tsv"
    file.write_text("no tab here\n", encoding="utf-8")
    with pytest.raises(BadFile, match="two sentences with a tab"):
        tatoeba.read(tmp_path)
    file.write_text("We saw the old one.\tOn a vu.\n", encoding="utf-8")
    with pytest.raises(BadFile, match="none can be held out"):
        tatoeba.read(tmp_path)


def test_bleu_counts_whichever_reference_fits():
    said = ["le chat voit la lune maintenant"]
    assert bleu(said, [["un homme peint deux oiseaux ici"]]) < 10
    assert bleu(said, [["un homme peint deux oiseaux ici", said[0]]]) == 100
    two = [*said, "ma sœur entend la mer"]
    assert bleu(two, [["rien de tout cela", said[0]], [two[1]]]) == 100, "texts have one reference or several"


def test_the_sentence_that_says_most_is_asked_for():
    paragraph = "It rained. The old bridge over the river fell. The river took the bridge."
    (gap,) = gap_sentences([paragraph, "Too short. To sum up."])
    assert gap.sentence == "The old bridge over the river fell."
    assert (gap.before, gap.after) == ("It rained.", "The river took the bridge.")
    assert most_central(["a b", "a b c d", "c d"]) == 1


def test_half_of_the_sentences_stay_in_their_source_and_a_mask_stands_for_the_others():
    paragraphs = [f"It rained on day {i}. The bridge number {i} fell. The river took it on day {i}." for i in range(60)]
    gaps = list(gap_sentences(paragraphs))
    assert 15 < sum(gap.kept for gap in gaps) < 45
    assert gaps == list(gap_sentences(paragraphs))
    specials = (*rewriting.SPECIALS, "<mask>")
    tokenizer = Tokenizer.train(paragraphs, 330, specials)
    settings = SummarizerSettings()
    for gap in gaps:
        source, target = gap_pair(tokenizer, gap, settings)
        assert tokenizer.decode(target) == gap.sentence
        assert (tokenizer.special("<mask>") in source) is not gap.kept
        assert (gap.sentence in tokenizer.decode(source)) is gap.kept
        assert gap.after in tokenizer.decode(source)
        assert source[-1] == tokenizer.special("<end>")
