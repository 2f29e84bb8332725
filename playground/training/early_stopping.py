"""Stop before a model knows its texts by heart: measured on dev texts now and then, the best weights are kept (Prechelt 1998,
"Early stopping, but when?", section 2.1, where one worse measure is enough to stop).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Parameter

from playground.scratch.train import StepReport, Trained


class EarlyStopping:
    """Train with the session that `watched` gives back; call `finish` afterwards: the parameters then are the best ones measured.

    measure(): of the parameters as they are now, the lower the better.   every: steps between two measures.
    state: a safetensors file with the best weights and all measures, read again when a run is gone on with.
    """

    def __init__(
        self, parameters: Mapping[str, Parameter], measure: Callable[[], float], every: int, state: Path, resume: bool
    ) -> None:
        self.parameters = parameters
        self.measure = measure
        self.every = every
        self.state = state
        self.measured: dict[int, float] = {}  # by the steps done
        self.best: dict[str, Tensor] = {}
        if resume and state.is_file():
            with safe_open(state, framework="pt") as file:
                self.measured = {int(step): value for step, value in json.loads(file.metadata()["measured"])}
                self.best = {name: file.get_tensor(name) for name in parameters}

    @property
    def chosen(self) -> int:
        """The steps after which the model was best."""
        return min(self.measured, key=lambda step: self.measured[step])

    @property
    def stopped(self) -> bool:
        """The last measure was worse than one before."""
        return bool(self.measured) and max(self.measured) != self.chosen

    def watched(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """session: what `fit` takes; it then measures between steps, and stops."""

        def progress(report: StepReport) -> None:
            session["progress"](report)
            if report.step % self.every == 0 and report.step < report.steps and report.step not in self.measured:
                self._measure(report.step)

        return {**session, "progress": progress, "cancelled": lambda: session["cancelled"]() or self.stopped}

    def finish(self, trained: Trained) -> None:
        """After a training that is over, by its schedule or because it was stopped: `trained.done` then says so. A training that
        was interrupted changes nothing. At the schedule's end the parameters as they are then, the averaged ones, are measured too.
        """
        if trained.done and trained.step not in self.measured:
            self._measure(trained.step)
        if not trained.done and not self.stopped:
            return
        trained.done = True
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(self.best[name])

    def _measure(self, step: int) -> None:
        self.measured[step] = self.measure()
        if self.chosen == step:
            self.best = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.state.parent.mkdir(parents=True, exist_ok=True)
        measured = json.dumps(sorted(self.measured.items()))
        save_file({name: p.contiguous() for name, p in self.best.items()}, self.state, metadata={"measured": measured})
