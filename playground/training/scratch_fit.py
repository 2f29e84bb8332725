"""How the recipes from scratch fit a model: by the schedule of their settings, and with the averaged weights at the end."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from playground.scratch.train import Schedule, Trained, fit


def fit_model(
    model: nn.Module, loss_at: Callable[[int], Tensor], steps: int, settings: Any, *, seed: int, **session: Any
) -> Trained:
    """Train all parameters of a model, in training mode. Afterwards it holds the averaged weights, in evaluation mode.

    loss_at(step): scalar loss of that step's batch.   settings: its `rate`, `warmup` (a share of all steps), `decay` and
    `averaging` are used, as `FromScratchSettings` has them.   session, and what is raised: see `fit`.
    """
    trained = fit(
        dict(model.train().named_parameters()),
        loss_at,
        schedule(steps, settings),
        seed=seed,
        decay=settings.decay,
        averaging=settings.averaging,
        **session,
    )
    take_average(model, trained)
    model.eval()
    return trained


def schedule(steps: int, settings: Any) -> Schedule:
    """settings: their `rate` is the peak, their `warmup` a share of all steps; at least one step warms up."""
    return Schedule(steps, settings.rate, max(1, round(settings.warmup * steps)))


@torch.no_grad()
def take_average(model: nn.Module, trained: Trained) -> None:
    """Put the averaged weights into the model: they are what ships."""
    for name, parameter in model.named_parameters():
        parameter.copy_(trained.average[name])
