"""Reads a JSON schema as a form: which fields are choices, which are probabilities, what is fixed.

Knows no task: labels, topics and intents are all choices. What cannot be filled without writing text is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 8
MAX_FIELDS = 100
MAX_OPTIONS = 500  # over the whole form: each is a text to embed
_PROBABILITY = re.compile(r"confiden|probab|certain|likel|score|\bsure\b", re.IGNORECASE)


class Unservable(Exception):
    """The schema asks for something that choosing cannot give. The text says what."""


@dataclass(frozen=True)
class Option:
    value: str
    description: str

    @property
    def text(self) -> str:
        """What is compared with the input. Names of programs are read as words."""
        words = self.value.replace("_", " ")
        return f"{words}: {self.description}" if self.description else words


@dataclass(frozen=True)
class Pick:
    """One string out of several."""

    options: tuple[Option, ...]


@dataclass(frozen=True)
class Probability:
    """A number: the probability of the option picked for the field `of` (a path from the root)."""

    of: tuple[str, ...]


@dataclass(frozen=True)
class Several:
    """A list with a row for each option that is true, every one judged by itself. `row`: what a row is like; `at`: where in it
    its one choice stands. least, most: how many rows the schema allows.
    """

    row: Form | Pick
    at: tuple[str, ...]
    pick: Pick
    least: int = 0
    most: int | None = None


@dataclass(frozen=True)
class Fixed:
    """The only value that the schema allows."""

    value: Any


@dataclass(frozen=True)
class Form:
    """An object's fields in the schema's order."""

    fields: tuple[tuple[str, Node], ...]

    def picks(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Pick]]:
        """Every choice of one option with its path, in order."""
        for found, node in self.choices(path):
            if isinstance(node, Pick):
                yield found, node

    def choices(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Pick | Several]]:
        """Every choice, of one option or of several, with its path, in order."""
        for name, node in self.fields:
            if isinstance(node, Pick | Several):
                yield (*path, name), node
            elif isinstance(node, Form):
                yield from node.choices((*path, name))


Node = Form | Pick | Several | Probability | Fixed


def read_schema(schema: Mapping[str, Any]) -> Form:
    """Raises Unservable."""
    form = _Reader(schema).read()
    if not any(form.choices()):
        raise Unservable("it holds no choices (an `enum`, or an `anyOf` of single values)")
    return form


class _Reader:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._fields = 0
        self._options = 0

    def read(self) -> Form:
        root = self._resolve(self._root)
        if not _is_object(root):
            raise Unservable("its root is not an object")
        return self._form(root, (), 0, None)

    def _form(
        self, schema: Mapping[str, Any], path: tuple[str, ...], depth: int, outer: tuple[str, ...] | None
    ) -> Form:
        """`outer`: the choice that a probability belongs to when this object has none of its own."""
        if depth > MAX_DEPTH:
            raise Unservable("it is nested too deeply")
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            raise Unservable(f"{_where(path)} has no `properties`")
        required = schema.get("required")
        required = set(required) if isinstance(required, list) else set()
        self._fields += len(properties)
        if self._fields > MAX_FIELDS:
            raise Unservable(f"it has more than {MAX_FIELDS} fields")
        read: dict[str, Form | Pick | Several | Fixed | None] = {}  # None: a number, settled below
        nearest = outer
        before: dict[str, tuple[str, ...] | None] = {}
        for name, raw in properties.items():
            here = (*path, name)
            before[name] = nearest
            try:
                node = self._node(self._resolve(raw), here, depth, nearest)
            except Unservable:
                if name in required:
                    raise
                continue  # an optional field is left out
            read[name] = node
            if isinstance(node, Pick):
                nearest = here
        own = next(((*path, name) for name, node in read.items() if isinstance(node, Pick)), None)
        fields: list[tuple[str, Node]] = []
        for name, node in read.items():
            if node is None:
                of = before[name] or own
                if of is None:
                    raise Unservable(f"{_where((*path, name))} is a number that belongs to no choice")
                fields.append((name, Probability(of)))
            else:
                fields.append((name, node))
        return Form(tuple(fields))

    def _node(
        self, schema: Mapping[str, Any], path: tuple[str, ...], depth: int, nearest: tuple[str, ...] | None
    ) -> Form | Pick | Several | Fixed | None:
        single = _single_value(schema)
        if single is not None:
            return Fixed(single[0])
        options = self._choices(schema)
        if options:
            self._options += len(options)
            if self._options > MAX_OPTIONS:
                raise Unservable(f"it has more than {MAX_OPTIONS} choices")
            return Pick(options)
        if _is_object(schema):
            return self._form(schema, path, depth + 1, nearest)
        if schema.get("type") == "array":
            return self._several(schema, path, depth)
        if schema.get("type") == "number" and _PROBABILITY.search(f"{path[-1]} {schema.get('description', '')}"):
            low, high = schema.get("minimum", 0), schema.get("maximum", 1)
            if not _is_number(low) or not _is_number(high) or low > 0 or high < 1:
                raise Unservable(f"{_where(path)} does not allow every probability from 0 to 1")
            return None
        raise Unservable(f"{_where(path)} is neither a choice nor a probability, and this model writes no text")

    def _several(self, schema: Mapping[str, Any], path: tuple[str, ...], depth: int) -> Several:
        items = self._resolve(schema.get("items"))
        # By itself: a number in a row never belongs to a choice outside of it.
        row = self._form(items, (), depth + 1, None) if _is_object(items) else self._node(items, path, depth, None)
        at: tuple[str, ...] = ()
        pick: Form | Pick | Several | Fixed | None = row
        if isinstance(row, Form):
            inside = list(row.choices())
            at, pick = inside[0] if len(inside) == 1 else ((), None)
        if not isinstance(row, Form | Pick) or not isinstance(pick, Pick):
            raise Unservable(f"{_where(path)} is a list whose rows do not have exactly one choice each")
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        least = least if _is_count(least) else 0
        if least > len(pick.options):
            raise Unservable(f"{_where(path)} wants more rows than there are choices")
        return Several(row, at, pick, least, most if _is_count(most) else None)

    def _choices(self, schema: Mapping[str, Any]) -> tuple[Option, ...]:
        """Empty where the schema is no choice among strings."""
        values = schema.get("enum")
        if isinstance(values, list):
            values = [value for value in values if value is not None]
            if values and all(isinstance(value, str) for value in values):
                return tuple(Option(value, "") for value in dict.fromkeys(values))
            return ()
        branches = schema.get("anyOf", schema.get("oneOf"))
        if not isinstance(branches, list):
            return ()
        options: dict[str, Option] = {}
        for raw in branches:
            branch = self._resolve(raw)
            if branch.get("type") == "null":
                continue  # an optional choice is always made
            single = _single_value(branch)
            if single is not None and isinstance(single[0], str):
                description = branch.get("description", branch.get("title", ""))
                options.setdefault(single[0], Option(single[0], description if isinstance(description, str) else ""))
                continue
            inner = self._choices(branch)
            if not inner:
                return ()
            for option in inner:
                options.setdefault(option.value, option)
        return tuple(options.values())

    def _resolve(self, schema: Any) -> Mapping[str, Any]:
        """Follows `$ref` inside the document; words beside a `$ref` win over those it points to."""
        beside: dict[str, Any] = {}
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, Mapping):
                raise Unservable("a part of it is not a schema")
            if "$ref" not in schema:
                return {**schema, **beside}
            beside = {**{key: value for key, value in schema.items() if key != "$ref"}, **beside}
            schema = self._follow(schema["$ref"])
        raise Unservable("its `$ref`s run in a circle")

    def _follow(self, ref: Any) -> Any:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise Unservable("it refers to another document")
        node: Any = self._root
        for part in ref[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")  # RFC 6901
            if not isinstance(node, Mapping) or key not in node:
                raise Unservable("a `$ref` leads nowhere")
            node = node[key]
        return node


def _single_value(schema: Mapping[str, Any]) -> tuple[Any] | None:
    """The value of a `const` or a one-valued `enum`, in a tuple because it may be None."""
    if "const" in schema:
        return (schema["const"],)
    values = schema.get("enum")
    if isinstance(values, list) and len(values) == 1:
        return (values[0],)
    return (None,) if schema.get("type") == "null" else None


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" or ("type" not in schema and "properties" in schema)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _where(path: tuple[str, ...]) -> str:
    return f"`{'.'.join(path)}`" if path else "its root"
