"""Fields and settings of a task as controls: escaped, named, and with what the task says of them."""

from dataclasses import dataclass, field

from hypothesis import given

from playground.core.fields import Field
from playground.views.fields import extras, settings
from tests.views.conftest import words
from tests.views.test_html import parsed

NUMBER = Field("t", "Temperature", "number", "0.8", hint="How <odd>.", most=2, step=0.1, setting=True)


@dataclass
class Asking:
    fields: tuple = ()
    values: tuple = ()
    name: str = "task"
    labels: tuple = field(default=())


def inputs(markup):
    return [attributes for tag, attributes in parsed(markup).tags if tag == "input"]


def test_a_number_has_its_bounds_its_step_and_what_it_was_bound_with():
    (found,) = inputs(settings(Asking((NUMBER,), (("t", "1.5"),))))
    assert {name: found[name] for name in ("type", "value", "min", "max", "step", "inputmode")} == {
        "type": "number",
        "value": "1.5",
        "min": "0",
        "max": "2",
        "step": "0.1",
        "inputmode": "decimal",
    }
    seed = Field("seed", "Seed", "number", "0", most=2**31 - 1, setting=True)
    (found,) = inputs(settings(Asking((seed,))))
    assert (found["max"], found["step"], found["inputmode"]) == ("2147483647", "1", "numeric")
    assert inputs(settings(Asking((NUMBER,))))[0]["value"] == "0.8"


def test_hints_and_faults_belong_to_their_field():
    markup = settings(Asking((NUMBER,)))
    (found,) = inputs(markup)
    ids = {attributes["id"] for _, attributes in parsed(markup).tags if "id" in attributes}
    assert set(found["aria-describedby"].split()) <= ids
    assert "How <odd>." in parsed(markup).text


def test_settings_are_folded_away_and_other_fields_are_not():
    text, flag = Field("context", "Context", "text"), Field("details", "Details", "flag", setting=True)
    task = Asking((text, NUMBER, flag))
    assert [a["data-field"] for _, a in parsed(extras(task)).tags if "data-field" in a] == ["context"]
    folded = parsed(settings(task)).tags
    assert [a["data-field"] for _, a in folded if "data-field" in a] == ["t", "details"]
    assert folded[0][0] == "details"
    assert "open" not in folded[0][1]
    assert settings(Asking((text,))) is None
    assert extras(Asking((NUMBER,))) is None


@given(words, words, words)
def test_what_fields_hold_is_no_markup(title, value, hint):
    task = Asking(
        (
            Field("a", title, "text", value, hint, hint),
            Field("b", title, "number", value, hint, hint, setting=True),
            Field("c", title, "flag", value, hint, hint, setting=True),
        )
    )
    assert {tag for tag, _ in parsed(extras(task) + settings(task)).tags} <= {
        "div",
        "label",
        "span",
        "textarea",
        "p",
        "input",
        "details",
        "summary",
        "b",
        "button",
    }
