"""Finds the changes between two OpenAPI documents that break clients of the earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]
METHODS = ("get", "put", "post", "patch", "delete", "head")


def list_breaking_changes(earlier: Node, later: Node) -> list[str]:
    """Name each change that breaks a client: what it sends is refused, or what it reads is gone.

    A property that requests and responses share is held to the rules of both.
    """
    return [*_compare_operations(earlier, later), *_compare_schemas(earlier, later), *_compare_events(earlier, later)]


def _compare_operations(earlier: Node, later: Node) -> Iterator[str]:
    for path, item in earlier["paths"].items():
        for method in (method for method in METHODS if method in item):
            name = f"{method.upper()} {path}"
            operation = later["paths"].get(path, {}).get(method)
            if operation is None:
                yield f"{name} was removed."
                continue
            before = item[method]
            if operation["operationId"] != before["operationId"]:
                yield f"{name} is now called {operation['operationId']}; it was {before['operationId']}."
            yield from _compare_parameters(name, before, operation)
            successes = {status for status in before["responses"] if status < "400"}
            yield from (f"{name} no longer answers {status}." for status in successes - set(operation["responses"]))


def _compare_parameters(name: str, before: Node, after: Node) -> Iterator[str]:
    old, new = _key_parameters(before), _key_parameters(after)
    yield from (f"{name}: the parameter {key[1]} was removed." for key in sorted(old.keys() - new.keys()))
    for key, parameter in new.items():
        if parameter.get("required") and not old.get(key, {}).get("required"):
            yield f"{name}: the parameter {key[1]} is now required."
    if after.get("requestBody", {}).get("required") and not before.get("requestBody", {}).get("required"):
        yield f"{name}: a body is now required."


def _key_parameters(operation: Node) -> dict[tuple[str, str], Node]:
    """Return the parameters by place and name. A reference counts as an optional header."""
    return {
        (parameter.get("in", "header"), parameter.get("name") or parameter["$ref"].rpartition("/")[2]): parameter
        for parameter in operation.get("parameters", [])
    }


def _compare_schemas(earlier: Node, later: Node) -> Iterator[str]:
    requests = {*_list_request_schemas(earlier), *_list_request_schemas(later)}
    for name, schema in earlier["components"]["schemas"].items():
        after = later["components"]["schemas"].get(name)
        if after is None:
            yield f"The schema {name} was removed."
            continue
        properties = after.get("properties", {})
        for key, node in schema.get("properties", {}).items():
            if key not in properties:
                yield f"{name}.{key} was removed."
                continue
            if _get_kind(node) != _get_kind(properties[key]):
                yield f"{name}.{key} has another type."
            removed = set(map(str, node.get("enum", ()))) - set(map(str, properties[key].get("enum", ())))
            if removed and "enum" in properties[key]:
                yield f"{name}.{key} no longer has the values {', '.join(sorted(removed))}."
        if name in requests:
            added = set(after.get("required", ())) - set(schema.get("required", ()))
            yield from (f"{name}.{key} is now required." for key in sorted(added))


def _list_request_schemas(document: Node) -> Iterator[str]:
    for item in document["paths"].values():
        for operation in item.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                schemas = [media["schema"], *media["schema"].get("anyOf", ())]
                yield from (schema["$ref"].rpartition("/")[2] for schema in schemas if "$ref" in schema)


def _get_kind(node: Node) -> Any:  # noqa: ANN401 - a comparable description
    """Return what a property holds: its type, the schema that it refers to, or those of its alternatives."""
    if "anyOf" in node:
        return tuple(sorted(str(_get_kind(part)) for part in node["anyOf"]))
    if node.get("items"):
        return ("array", _get_kind(node["items"]))
    return node.get("$ref") or node.get("type")


def _compare_events(earlier: Node, later: Node) -> Iterator[str]:
    removed = earlier.get("webhooks", {}).keys() - later.get("webhooks", {}).keys()
    yield from (f"The event {name} was removed." for name in sorted(removed))
