"""A text, labels it could have, and the schema that asks for one of them."""

from __future__ import annotations

TEXT = "the sun is warm and bright today"
LABELS = {"weather": "sun, rain, warm or cold today", "food": "what people eat and cook", "sport": "a match or a race"}
SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"anyOf": [{"type": "string", "enum": [name], "description": text} for name, text in LABELS.items()]},
        "confidence": {"type": "number", "description": "From 0 to 1."},
    },
    "required": ["label", "confidence"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "topic", "schema": SCHEMA, "strict": True}}
MESSAGES = [{"role": "system", "content": "Say what it is about."}, {"role": "user", "content": TEXT}]
