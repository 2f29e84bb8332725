"""The panel of switching off: the answer without what is off."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from playground.service import attention_cuts
from playground.ui.actions import Asked, Reply, waiting_action
from playground.ui.attention_look import order
from playground.views.attention import ablation


@waiting_action
async def attention_ablate(asked: Asked) -> Reply:
    """The answer before and after. `said`: the change in one line, empty where nothing is off."""
    found, chosen = await attention_cuts.ablate(
        asked.service.attention,
        order(asked),
        asked.rows("heads"),
        asked.rows("tokens"),
        asked.text("instead"),
        asked.session,
    )
    html = await run_in_threadpool(ablation.answer, found, cut=bool(chosen))
    return {"html": html, "said": ablation.verdict(found) if chosen else ""}
