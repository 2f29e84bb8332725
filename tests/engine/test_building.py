"""Models are built side by side with others, by libraries that change all of torch while they build."""

import torch
from peft.utils.integrations import init_empty_weights

from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers, scratch_classifier


class Turns:
    """The lock under which models are built: as soon as it is free, another thread's peft attaches an adapter."""

    def __init__(self):
        self.attaching = init_empty_weights()

    def __enter__(self):
        pass

    def __exit__(self, *_):
        self.attaching.__enter__()


def test_a_model_of_our_own_has_its_weights_whoever_builds_next(tiny, monkeypatch):
    turns = Turns()
    monkeypatch.setattr(_transformers, "building", turns)
    context = LoadContext(torch.device("cpu"), torch.float32, on_device=lambda act: act())
    try:
        model = scratch_classifier.LOADER.load(tiny.scratch_ref, None, context)
    finally:
        turns.attaching.__exit__(None, None, None)
    assert not any(p.is_meta for p in model.module.parameters())
