"""Where the tiers agree and differ, in a sentence or two; and who was right where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.core.run import TierResult
from playground.core.types import Source
from playground.views.html import Child, Html, el
from playground.views.kinds import view_of

_NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six")


def listed(names: Sequence[str]) -> str:
    """
    >>> listed(["Fine-tuned", "from scratch", "pretrained"])
    'Fine-tuned, from scratch and pretrained'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def agreement(
    results: Sequence[TierResult],
    titles: Mapping[str, str],
    *,
    right: Mapping[str, bool] | None = None,
    trained_on: Mapping[str, str] | None = None,
    silent: Sequence[str] = (),
    busy: bool = False,
) -> Html:
    """`silent`: tiers that failed or were stopped. `right`: by tier, where the input has a true answer.

    `trained_on`: by tier, why it may see things differently.
    """
    right, trained_on = right or {}, trained_on or {}
    compared = [result for result in results if result.compared]
    left_out = [result for result in results if result.output is not None and result.stats.source is Source.STAND_IN]
    groups = _groups(compared, right)
    aside: Html | None = None
    said: list[Child]
    if not compared:
        heading, said = ("Comparing …", []) if busy else ("Nothing to compare yet.", [])
    elif len(compared) == 1:
        title = titles.get(compared[0].tier, compared[0].tier)
        heading = "One answer."
        said = [f"{title} says ", _said(compared[0]), _mark(groups[0], right), "."]
    elif len(groups) == 1:
        heading = "Tiers agree."
        said = [_all_of(compared, titles), " say ", _said(compared[0]), _mark(groups[0], right), "."]
    else:
        heading, said = "Tiers differ.", _differing(groups, titles, right, trained_on)
    if left_out:
        names = listed([titles.get(result.tier, result.tier) for result in left_out])
        aside = el(
            "p", f"{names} is left out: its stand-in shows how an API call works, not how good one is.", cls="pg-aside"
        )
    if silent and compared:
        said += [" ", f"{_sentence([titles.get(tier, tier) for tier in silent])} gave no answer."]
    answer = el("p", said, cls="pg-agreement")
    return el("section", el("h2", heading), answer, aside, cls="pg-panel pg-compare", aria_label="Agreement")


def _groups(compared: Sequence[TierResult], right: Mapping[str, bool]) -> list[list[TierResult]]:
    """By what they say: who is right first, then the larger group, then the tiers' order."""
    groups: dict[str, list[TierResult]] = {}
    for result in compared:
        groups.setdefault(_words(result), []).append(result)
    return sorted(groups.values(), key=lambda group: (not right.get(group[0].tier, False), -len(group)))


def _words(result: TierResult) -> str:
    return view_of(result.output).said(result.output)


def _said(result: TierResult) -> Html:
    return el("b", _words(result), dir="auto")


def _mark(group: Sequence[TierResult], right: Mapping[str, bool]) -> str:
    known = [right[result.tier] for result in group if result.tier in right]
    return "" if not known else " (right)" if all(known) else " (wrong)"


def _all_of(compared: Sequence[TierResult], titles: Mapping[str, str]) -> str:
    names = [titles.get(result.tier, result.tier) for result in compared]
    if len(compared) == len(titles) and len(compared) > 2:
        return f"All {_NUMBER_WORDS[len(compared)] if len(compared) < len(_NUMBER_WORDS) else len(compared)}"
    return _sentence(names)


def _sentence(names: Sequence[str]) -> str:
    """Tier names inside a sentence: the first keeps its capital, an abbreviation keeps its own."""
    return listed([names[0], *(name[:1].lower() + name[1:] for name in names[1:])])


def _differing(
    groups: Sequence[Sequence[TierResult]],
    titles: Mapping[str, str],
    right: Mapping[str, bool],
    trained_on: Mapping[str, str],
) -> list[Child]:
    said: list[Child] = []
    for place, group in enumerate(groups):
        names = [titles.get(result.tier, result.tier) for result in group]
        text = _sentence(names) if place == 0 else _sentence(names)[:1].lower() + _sentence(names)[1:]
        said += [
            "; " if place else "",
            text,
            " says " if len(group) == 1 else " say ",
            _said(group[0]),
            _mark(group, right),
        ]
        # Why the odd one out may differ: said of one tier alone, and of none that the truth proves right.
        only = group[0]
        if place and len(group) == 1 and not right.get(only.tier, False) and trained_on.get(only.tier):
            said.append(f": it was trained on {trained_on[only.tier].rstrip('.')}")
    return [*said, "."]
