"""Schemas are read by their form alone, whatever their labels are called."""

from __future__ import annotations

import pytest

from playground.gateway.schema import Fixed, Form, Option, Pick, Probability, Unservable, read_schema


def form(**properties: object) -> Form:
    return read_schema({"type": "object", "properties": properties, "required": list(properties)})


def test_an_enum_and_an_any_of_are_both_choices() -> None:
    read = form(
        a={"type": "string", "enum": ["x", "y"]},
        b={"anyOf": [{"const": "u", "description": "up"}, {"enum": ["v"], "description": "down"}]},
    )
    assert read.fields == (
        ("a", Pick((Option("x", ""), Option("y", "")))),
        ("b", Pick((Option("u", "up"), Option("v", "down")))),
    )
    assert read.fields[1][1].options[0].text == "u: up"
    assert read.fields[0][1].options[0].text == "x"


def test_refs_nested_objects_and_optional_choices() -> None:
    read = read_schema(
        {
            "$ref": "#/$defs/Root",
            "$defs": {
                "Kind": {"type": "string", "enum": ["x", "y"]},
                "Inner": {
                    "type": "object",
                    "properties": {"score": {"type": "number"}, "kind": {"$ref": "#/$defs/Kind"}},
                },
                "Root": {
                    "type": "object",
                    "properties": {
                        "inner": {"$ref": "#/$defs/Inner", "description": "nested"},
                        "maybe": {"anyOf": [{"$ref": "#/$defs/Kind"}, {"type": "null"}]},
                        "version": {"const": 1},
                    },
                },
            },
        }
    )
    kind = Pick((Option("x", ""), Option("y", "")))
    inner = Form((("score", Probability(("inner", "kind"))), ("kind", kind)))
    assert read == Form((("inner", inner), ("maybe", kind), ("version", Fixed(1))))


def test_a_probability_belongs_to_the_choice_before_it() -> None:
    choice = {"enum": ["x", "y"]}
    number = {"type": "number", "description": "probability"}
    read = form(p_first=number, a=choice, score_a=number, b=choice, score_b=number)
    assert dict(read.fields)["p_first"] == Probability(("a",))
    assert dict(read.fields)["score_a"] == Probability(("a",))
    assert dict(read.fields)["score_b"] == Probability(("b",))


def test_an_optional_field_that_cannot_be_filled_is_left_out() -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}, "why": {"type": "string"}}, "required": ["a"]}
    assert [name for name, _ in read_schema(schema).fields] == ["a"]


CHOICE = {"enum": ["x", "y"]}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "enum": ["x", "y"]},
        {"type": "object"},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]},
        {"type": "object", "properties": {"a": CHOICE, "why": {"type": "string"}}, "required": ["a", "why"]},
        {"type": "object", "properties": {"a": CHOICE, "year": {"type": "number"}}, "required": ["a", "year"]},
        {
            "type": "object",
            "properties": {"a": CHOICE, "score": {"type": "number", "minimum": 1}},
            "required": ["score"],
        },
        {
            "type": "object",
            "properties": {"a": CHOICE, "many": {"type": "array", "items": CHOICE}},
            "required": ["many"],
        },
        {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.org/schema.json"},
        {"type": "object", "properties": {"a": 3}, "required": ["a"]},
        {"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]},
        {"type": "object", "properties": {"a": {"enum": [str(n) for n in range(501)]}}, "required": ["a"]},
    ],
)
def test_what_choosing_cannot_give_is_refused(schema: dict[str, object]) -> None:
    with pytest.raises(Unservable):
        read_schema(schema)
