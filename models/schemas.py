"""JSON Schemas of what stands on the topics, derived from the models."""

from __future__ import annotations

import inspect
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema
from typing_extensions import override

from models.codec import SCHEMA_VERSION
from models.descriptions import attribute_docs, field_meaning
from models.topics import Topic

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def schema_of(topic: Topic) -> Schema:
    """The JSON Schema (2020-12) of a topic's values; of a topic of raw bytes, one that says so.

    Fields that it does not name are allowed: readers pass over what a newer writer adds.
    """
    head: Schema = {"$schema": DIALECT, "$id": f"urn:ringfence:{topic.name}:{SCHEMA_VERSION}"}
    if topic.values is None:
        return head | {"title": topic.name, "description": f"Raw bytes: {topic.what}."}
    schema = TypeAdapter(topic.values).json_schema(schema_generator=_Described)
    return head | {"title": topic.name, "description": f"{topic.what}."} | schema


def schemas_by_model(values: Any, ref_template: str) -> tuple[list[str], dict[str, Schema]]:
    """The names of a topic's types, and the schema of each type and of each part, by name.

    References between them are written by ``ref_template``, which holds ``{model}``.
    """
    schema = TypeAdapter(values).json_schema(schema_generator=_Described, ref_template=ref_template)
    parts: dict[str, Schema] = schema.pop("$defs", {})
    if "oneOf" in schema:
        return [each["$ref"].rpartition("/")[2] for each in schema["oneOf"]], parts
    name = str(values.__name__)
    return [name], {name: schema, **parts}


class _Described(GenerateJsonSchema):
    """With what the sources say of each field; without the titles that pydantic makes of names."""

    @override
    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Schema:
        return _described(super().dataclass_schema(schema), schema["cls"])

    @override
    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> Schema:
        made = super().typed_dict_schema(schema)
        return _described(made, schema["cls"]) if "cls" in schema else made

    @override
    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> Schema:
        made = super().tagged_union_schema(schema)
        # OpenAPI's form of it, which is none of JSON Schema; each type is told by its constant
        made.pop("discriminator", None)
        return made


def _described(schema: Schema, model: type) -> Schema:
    said = attribute_docs(model)
    schema.pop("title", None)
    schema["description"] = " ".join((inspect.getdoc(model) or "").replace("``", "`").split())
    for name, each in schema["properties"].items():
        each.pop("title", None)
        meaning = field_meaning(name, said).replace("``", "`")
        if name.endswith("_ms") and not meaning:
            meaning = "Milliseconds UTC."
        if meaning:
            each["description"] = meaning
    if "type" in schema["properties"]:
        # our own reader does without where a topic has one type; everybody else tells them by it
        schema["required"] = ["type", *(n for n in schema.get("required", ()) if n != "type")]
        schema["properties"]["type"].pop("default", None)
    return schema
