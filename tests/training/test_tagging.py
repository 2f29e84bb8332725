"""What taggers learn with: lines, batches, open tags, and the step that adds low-rank matrices to the weights."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from playground.training.columns import Sentence
from playground.training.evaluate_tags import entity_figures, figures
from playground.training.tag_baselines import dictionary, most_frequent_tags
from playground.training.tagging import (
    allowed_tags,
    budget_batches,
    budget_schedule,
    compared_tags,
    lines_of,
    marginal_loss,
)

LABELS = ("O", "B-PER", "I-PER", "B-MISC", "I-MISC")


def test_the_loss_equals_summing_over_every_tagging_that_is_allowed():
    torch.manual_seed(0)
    logits = torch.randn(3, 4, dtype=torch.float64)
    allowed = torch.tensor([[True, False, True, False], [False, True, False, False], [True, True, True, True]])
    probability = 0.0
    for tags in product(range(4), repeat=3):
        if all(allowed[i, tag] for i, tag in enumerate(tags)):
            probability += float(torch.stack([logits[i].softmax(-1)[tag] for i, tag in enumerate(tags)]).prod())
    assert float(marginal_loss(logits, allowed)) == pytest.approx(-np.log(probability) / 3)


def test_with_one_tag_allowed_it_is_cross_entropy_and_its_gradient():
    torch.manual_seed(0)
    logits = torch.randn(6, 5, requires_grad=True)
    tags = torch.tensor([0, 1, 4, 4, 2, 3])
    loss = marginal_loss(logits, torch.nn.functional.one_hot(tags, 5).bool())
    expected = torch.nn.functional.cross_entropy(logits, tags)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (loss, expected)))


def test_what_a_set_leaves_unmarked_is_open():
    row = Sentence(("a", "b", "c"), ("O", "B-PER", ""), unmarked=("MISC",))
    whole = Sentence(("a",), ("O",))
    first, second = allowed_tags([row, whole], LABELS)
    assert first.tolist() == [
        [True, False, False, True, True],
        [False, True, False, False, False],
        [True] * 5,
    ]
    assert second.tolist() == [[True, False, False, False, False]]


def test_what_is_left_out_learns_nothing_and_the_others_are_compared_among_themselves():
    row = Sentence(("a", "b", "c"), ("O", "B-PER", ""), unmarked=("MISC",))
    allowed, compared = (torch.from_numpy(of([row], LABELS)[0]) for of in (allowed_tags, compared_tags))
    torch.manual_seed(0)
    logits = torch.randn(3, 5, requires_grad=True)
    loss = marginal_loss(logits, allowed, compared)
    first = -logits[0, :3].log_softmax(-1)[0]  # O against PER alone
    second = -logits[1].log_softmax(-1)[1]  # a person is no MISC: that is known
    torch.testing.assert_close(loss, (first + second) / 3)
    loss.backward()
    assert logits.grad[0, 3:].tolist() == [0.0, 0.0]
    assert logits.grad[2].abs().max() < 1e-6
    assert bool(torch.isfinite(logits.grad).all())


def test_lines_hold_neighbours_of_one_document_that_fit():
    sentences = [Sentence(("w",) * (i % 5 + 1), ("O",) * (i % 5 + 1), f"d{i // 10}") for i in range(200)]
    sizes = [len(s) for s in sentences]
    lines = lines_of(sentences, sizes, room=9, seed=1)
    assert [i for line in lines for i in line] == list(range(200)), "each once, in order"
    assert all(len({sentences[i].document for i in line}) == 1 for line in lines)
    assert all(sum(sizes[i] for i in line) <= 9 for line in lines)
    assert {1, 2, 3} == {len(line) for line in lines}
    assert lines == lines_of(sentences, sizes, room=9, seed=1) != lines_of(sentences, sizes, room=9, seed=2)
    alone = [Sentence(("w",), ("O",)) for _ in range(5)]  # of no document
    assert lines_of(alone, [1] * 5, 9, 0) == [[0], [1], [2], [3], [4]]


@pytest.mark.parametrize("epochs", [1.0, 2.0, 2.5, 0.5])
def test_batches_keep_to_their_budget_and_an_epoch_has_every_line_once(epochs):
    lengths = [(i * 37) % 61 + 3 for i in range(500)] + [400]
    steps, at = budget_schedule(lengths, 256, 5, epochs)
    batches = [at(step) for step in range(steps)]
    assert all(len(b) * max(lengths[i] for i in b) <= 256 or len(b) == 1 for b in batches)
    counts = Counter(i for batch in batches for i in batch)
    assert set(counts.values()) <= {int(epochs), int(epochs) + 1}
    assert sum(lengths[i] * n for i, n in counts.items()) == pytest.approx(epochs * sum(lengths), rel=0.1)
    padded = sum(len(b) * max(lengths[i] for i in b) for b in batches)
    assert padded < 1.15 * sum(lengths[i] * n for i, n in counts.items())
    assert at(0) == batches[0], "an earlier epoch again"
    assert budget_batches(lengths, 256, 5, 0) != budget_batches(lengths, 256, 5, 1)


def test_adding_to_the_weights_gives_pefts_numbers_and_gradients(tiny_base):
    from playground.training import lora
    from playground.training.low_rank import added_to_weights

    torch.manual_seed(3)
    plain, _ = lora.base_model(tiny_base, LABELS, per_word=True)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model = lora.new_adapter(plain, lora.LoraSettings(rank=4, alpha=12), per_word=True).train()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # which start at zero
            torch.nn.init.normal_(parameter, std=0.1)
    ids = torch.randint(5, 200, (3, 7))

    def step() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        model.zero_grad()
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        logits.square().sum().backward()
        return logits.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    expected, gradients = step()
    with added_to_weights(model):
        found, others = step()
    torch.testing.assert_close(found, expected)
    assert gradients.keys() == others.keys() == lora.trainable(model).keys()
    for name, value in gradients.items():
        torch.testing.assert_close(others[name], value, msg=name)
        assert value.abs().max() > 0, name
    again, _ = step()
    assert torch.equal(again, expected), "and afterwards all is as before"


TRAIN = [
    Sentence(("Ada", "met", "New", "York"), ("B-PER", "O", "B-LOC", "I-LOC")),
    Sentence(("New", "may", "met"), ("O", "O", "O")),
    Sentence(("May", "may", "go"), ("B-PER", "O", "O")),
]


def test_the_dictionary_takes_the_longest_entry_and_no_common_word():
    asked = [Sentence(("new", "york", "met", "ada", "may"), ("O",) * 5)]
    assert dictionary(TRAIN, asked) == [["B-LOC", "I-LOC", "O", "B-PER", "O"]]


def test_the_most_frequent_tag_and_that_of_rare_words():
    asked = [Sentence(("may", "MET", "zebra"), ("O",) * 3)]
    assert most_frequent_tags(TRAIN, asked) == [["O", "O", "B-PER"]]


def test_entity_figures_by_hand():
    held = [
        Sentence(("a", "b", "c", "d"), ("B-PER", "I-PER", "O", "B-LOC")),
        Sentence(("e", "f"), ("", "B-PER"), unmarked=("MISC",)),
    ]
    said = [["B-PER", "I-PER", "B-LOC", "O"], ["B-PER", "B-PER"]]
    found = entity_figures(held, said, ("PER", "LOC", "MISC"))
    # Of three true entities two are found, of three named two are true; the word without a known tag counts for nothing.
    assert (found["n"], found["entities"]) == (2, 3)
    assert (found["precision"], found["recall"], found["f1"]) == (0.6667, 0.6667, 0.6667)
    assert found["types"] == {"PER": 1.0, "LOC": 0.0}
    assert found["accuracy"] == 0.6, "of five words with a known tag three have it"


def test_figures_of_word_classes_count_words():
    held = [Sentence(("may", "go", "on"), ("AUX", "VERB", "ADV"))]
    found = figures(lambda sentences: [["AUX", "VERB", "ADP"]], held, held, ("AUX", "VERB", "ADV", "ADP"))
    assert (found["n"], found["sentences"], found["accuracy"]) == (3, 1, 0.6667)
    assert found["most_frequent_tag_accuracy"] == 1.0


def test_a_cut_adapter_is_the_nearest_of_its_rank():
    import torch

    from playground.training.low_rank import cut

    torch.manual_seed(3)
    weights = {
        "layer.lora_A.weight": torch.randn(6, 10),
        "layer.lora_B.weight": torch.randn(8, 6),
        "classifier.weight": torch.randn(2, 8),
    }

    def product(found):
        return found["layer.lora_B.weight"] @ found["layer.lora_A.weight"]

    whole = 0.5 * product(weights)
    assert torch.allclose(product(cut(weights, 0.5, 6)), whole, atol=1e-5)
    small = cut(weights, 0.5, 3)
    assert small["layer.lora_A.weight"].shape == (3, 10)
    assert small["layer.lora_B.weight"].shape == (8, 3)
    assert small["classifier.weight"] is weights["classifier.weight"]
    lost = torch.linalg.svdvals(whole)[3:]
    assert torch.allclose(torch.linalg.norm(whole - product(small)), torch.linalg.norm(lost), atol=1e-5)
