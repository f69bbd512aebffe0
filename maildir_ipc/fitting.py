"""Whether the arguments of a tool call are what the tool takes, and what to say when they are not.

Knows as much of JSON Schema as the tools' own schemas use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
    "array": (list, "a list of texts"),
    "object": (dict, "a JSON object"),
}


def misfit(schema: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """Return what is wrong with *given*, in one line without any value that was given, or None."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    takes = "it takes " + (", ".join(properties) or "none")
    for name in given:
        if name not in properties:
            return f"no argument {name[:40]!a}: {takes}"
    for name in required:
        if given.get(name) is None:
            return f"{name} is missing: {takes}"
    for name, value in given.items():
        if value is not None and not any(_fits(kind, value) for kind in _choices(properties[name])):
            return f"{name} must be {' or '.join(_said(kind) for kind in _choices(properties[name]))}"
    return None


def strange(what: str, name: str, known: Iterable[str]) -> str:
    """Return what to say of a name that no *what* has."""
    return f"no {what} {name[:40]!a}: there are {', '.join(known)}"


def tidy(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without what only costs: titles, the null of what may be left out, what is so anyway."""
    properties = {name: _plain(value) for name, value in schema.get("properties", {}).items()}
    required = {"required": schema["required"]} if schema.get("required") else {}
    return {"type": "object", "properties": properties, **required, "additionalProperties": False}


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in _choices(schema) if kind.get("type") != "null"]
    own = {k: v for k, v in schema.items() if k not in ("title", "anyOf") and not (k == "default" and v in (None, ""))}
    plain = {**own, **kinds[0]} if len(kinds) == 1 and "anyOf" in schema else {**own, **_either(schema, kinds)}
    if plain.get("additionalProperties") is True:
        del plain["additionalProperties"]  # says what is so without it
    return plain


def _either(schema: Mapping[str, Any], kinds: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"anyOf": kinds} if "anyOf" in schema else {}


def _choices(schema: Mapping[str, Any]) -> Any:
    return schema.get("anyOf", [schema])


def _fits(schema: Mapping[str, Any], value: object) -> bool:
    kind = _KINDS.get(schema.get("type", ""), (object, ""))[0]
    if not isinstance(value, kind) or (kind in (int, (int, float)) and isinstance(value, bool)):
        return False
    if "enum" in schema:
        return value in schema["enum"]
    if isinstance(value, list):
        items = schema.get("items", {})
        return all(_fits(items, item) for item in value) and len(value) >= schema.get("minItems", 0)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _said(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    said = _KINDS.get(schema.get("type", ""), (object, "something else"))[1]
    if schema.get("minItems"):
        return f"{said}, {schema['minItems']} at least"
    low, high = schema.get("minimum"), schema.get("maximum")
    return said if low is None else f"{said} from {low}" + ("" if high is None else f" to {high}")
