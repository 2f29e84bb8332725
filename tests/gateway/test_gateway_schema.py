"""Schemas are read by their form alone, whatever their labels are called."""

from __future__ import annotations

import pytest

from playground.gateway.schema import Fixed, Form, Option, Pick, Probability, Several, Unservable, read_schema


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
ROW = {"type": "object", "properties": {"a": CHOICE}}


def several(node: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": {"many": node}, "required": ["many"]}


def test_a_list_is_one_choice_of_several() -> None:
    pick = Pick((Option("x", ""), Option("y", "")))
    number = {"type": "number", "description": "How sure you are."}
    rows = {
        "type": "object",
        "properties": {"inner": {"type": "object", "properties": {"kind": CHOICE, "p_score": number}}},
    }
    read = read_schema(
        {
            "type": "object",
            "properties": {
                "bare": {"type": "array", "items": CHOICE, "maxItems": 1},
                "rows": {"type": "array", "items": rows, "minItems": 1},
            },
        }
    )
    inner = Form((("kind", pick), ("p_score", Probability(("inner", "kind")))))
    assert read.fields == (
        ("bare", Several(pick, (), pick, 0, 1)),
        ("rows", Several(Form((("inner", inner),)), ("inner", "kind"), pick, 1, None)),
    )
    assert [path for path, _ in read.choices()] == [("bare",), ("rows",)]
    assert list(read.picks()) == []


def test_names_of_programs_are_read_as_words() -> None:
    assert Option("card_arrival", "It is late.").text == "card arrival: It is late."


@pytest.mark.parametrize("count", [78, 500])
def test_as_many_choices_as_the_limit(count: int) -> None:
    names = [f"label {number}" for number in range(count)]
    for node in ({"enum": names}, {"anyOf": [{"enum": [name], "description": "x"} for name in names]}):
        assert len(next(form(label=node).picks())[1].options) == count


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
        several({"type": "array"}),
        several({"type": "array", "items": {"type": "string"}}),
        several({"type": "array", "items": {"type": "number", "description": "a score"}}),
        several({"type": "array", "items": {"type": "array", "items": CHOICE}}),
        several({"type": "array", "items": ROW | {"properties": {"a": CHOICE, "b": CHOICE}}}),
        several({"type": "array", "items": ROW | {"properties": {"a": {"type": "array", "items": CHOICE}}}}),
        several({"type": "array", "items": {"type": "object", "properties": {"version": {"const": 1}}}}),
        several(
            {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}
        ),
        several({"type": "array", "items": CHOICE, "minItems": 3}),
        several({"type": "array", "items": {"enum": [str(n) for n in range(501)]}}),
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
