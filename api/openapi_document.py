"""Builds the OpenAPI document: Litestar's paths and parameters, msgspec's schemas, and what the routes' options imply.

Text comes from the code: operations from the docstrings of their handlers, properties from `msgspec.Meta`, errors from
`api.errors`. `list_undescribed` names what has no text or example; a test keeps that list empty.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import License, Server

from api.access import Access
from api.envelope import Data, Page
from api.errors import ErrorEnvelope, MachineErrorEnvelope, describe_status, example_error, is_generation_path
from api.event_payloads import PAYLOADS, WebhookMessage
from api.reference_texts import BODY_EXAMPLES, HEADERS, PARAMETERS, TAGS

METHODS = ("get", "put", "post", "patch", "delete", "head")
SCHEMA_PREFIX = "#/components/schemas/"
LICENSE = License(name="AGPL-3.0-only", identifier="AGPL-3.0-only")
SERVERS = [Server(url="/", description="The server that this document comes from.")]
FORMAT_EXAMPLES = {"uuid": "8f14e45f-ceea-467f-a8b5-2d1f3c0b7a61", "date-time": "2026-03-14T09:26:53Z"}

# Error statuses of every path, of a path with a body, and of a path that needs a login
COMMON_STATUSES = (400, 500, 503)
BODY_STATUSES = (413, 415, 422)
LOGIN_STATUSES = (401, 403)
LOGIN_ACCESS = (Access.USER, Access.EDITOR, Access.OWNER, Access.SIGNED_OR_EDITOR)
RATE_LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
WEBHOOK_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
REQUIRED_HEADERS = ("Upload-Length", "Upload-Offset", *WEBHOOK_HEADERS)

Node = dict[str, Any]


class Operation(msgspec.Struct):
    """One operation of the document, and the handler that serves it."""

    method: str  # in lower case
    path: str
    handler: HTTPRouteHandler
    node: Node

    @property
    def opt(self) -> dict[str, Any]:
        """The options of the route."""
        return self.handler.opt

    @property
    def body_type(self) -> Any:  # noqa: ANN401 - any annotation
        """The type of the JSON body, None for a path without one."""
        field = self.handler.parsed_fn_signature.parameters.get("data")
        return None if field is None else field.annotation

    @property
    def response_types(self) -> tuple[Any, ...]:
        """The types of the JSON response: several if the request decides, none for a response that is not JSON."""
        if "stream_data" in self.opt or (self.handler.media_type or "application/json") != "application/json":
            return ()
        annotation = self.handler.parsed_fn_signature.return_type.annotation
        if get_origin(annotation) is Response:
            annotation = get_args(annotation)[0]
        return tuple(filter(_is_json_type, _list_alternatives(annotation)))

    @property
    def other_types(self) -> dict[int, tuple[Any, ...]]:
        """The types of responses with another status than the handler's own, by status."""
        responses = self.handler.responses or {}
        return {status: _list_alternatives(response.data_container) for status, response in responses.items()}

    @property
    def message_types(self) -> tuple[Any, ...]:
        """The types of the messages of an event stream, none for another response."""
        return _list_alternatives(self.opt["stream_data"]) if "stream_data" in self.opt else ()


def _list_alternatives(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    """Return the types of a union, or the type. msgspec describes no union of Structs."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _is_json_type(annotation: Any) -> bool:  # noqa: ANN401 - any annotation
    origin = get_origin(annotation) or annotation
    return origin in (list, dict) or (isinstance(origin, type) and issubclass(origin, msgspec.Struct))


def build_document(app: Litestar) -> Node:
    """Return the document of all routes that are in the schema."""
    document: Node = app.openapi_schema.to_schema()
    operations = sorted(_list_operations(app, document), key=lambda operation: (operation.path, operation.method))
    references = _Schemas(operations)
    for operation in operations:
        _complete_operation(operation, references)
    document["paths"] = {
        path: {method: item[method] for method in METHODS if method in item}
        for path, item in sorted(document["paths"].items())
        if any(method in item for method in METHODS)
    }
    document["webhooks"] = {name: _build_webhook(name, references) for name in PAYLOADS}
    document["components"] |= {
        "schemas": references.components,
        "responses": references.errors,
        "headers": {name: _build_header(name) for name in HEADERS},
        "parameters": {name: _build_header_parameter(name) for name in HEADERS},
    }
    used_tags = {tag for operation in operations for tag in operation.node["tags"]}
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used_tags]
    document["info"]["contact"] = {"name": "The operator of this server"}
    return document


def list_undescribed(document: Node) -> list[str]:
    """Name every operation, parameter, property, header and tag that lacks a description or an example."""
    missing = []
    described_tags = {tag["name"] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, node in item.items():
            name = f"{method.upper()} {path}"
            missing += [f"{name}: {key}" for key in ("summary", "description", "operationId") if not node.get(key)]
            missing += [f"{name}: tag {tag}" for tag in node["tags"] if tag not in described_tags]
            parameters = [parameter for parameter in node.get("parameters", []) if "$ref" not in parameter]
            missing += [f"{name}: {p['name']}" for p in parameters if not _is_documented(p)]
            named_responses = {f"{name}: {status}": response for status, response in node["responses"].items()}
            missing += _list_undescribed_responses(named_responses)
    missing += _list_undescribed_responses(document["components"]["responses"])
    missing += [name for name, node in document["components"]["headers"].items() if not _is_documented(node)]
    for name, schema in document["components"]["schemas"].items():
        if not schema.get("description"):
            missing.append(name)
        for key, node in schema.get("properties", {}).items():
            if not node.get("description") or not _has_example(node):
                missing.append(f"{name}.{key}")
    return missing


def _list_undescribed_responses(responses: dict[str, Node]) -> list[str]:
    return [name for name, response in responses.items() if "$ref" not in response and not response.get("description")]


def _is_documented(node: Node) -> bool:
    return bool(node.get("description")) and ("example" in node or _has_example(node["schema"]))


def _has_example(node: Node) -> bool:
    """Tell whether the schema shows a value: by an example, a default, an enumeration, or the schema of its parts."""
    if any(node.get(key) not in (None, "") for key in ("examples", "default", "enum", "const", "$ref")):
        return True
    if node.get("type") in ("boolean", "null") or node.get("format") in FORMAT_EXAMPLES:
        return True
    if contained := node.get("items") or node.get("additionalProperties"):
        return _has_example(contained)
    parts = node.get("anyOf", [])
    return bool(parts) and all(map(_has_example, parts))


def _list_operations(app: Litestar, document: Node) -> Iterator[Operation]:
    """Yield the operations. HEAD beside GET is dropped from the document: it works wherever GET does."""
    for route in app.routes:
        item = document["paths"].get(getattr(route, "path_format", ""))
        if item is None:
            continue
        for handler in getattr(route, "route_handlers", ()):
            if not handler.resolve_include_in_schema():
                continue
            for method in sorted(str(method).lower() for method in handler.http_methods):
                if method == "head" and "GET" in handler.http_methods:
                    item.pop(method, None)
                elif method in item:
                    yield Operation(method, route.path_format, handler, item[method])


class _Schemas:
    """The schemas of all bodies, responses and payloads, each under the name of its type without its module."""

    def __init__(self, operations: list[Operation]) -> None:
        body_types = [operation.body_type for operation in operations if operation.body_type is not None]
        response_types = [kind for operation in operations for kind in operation.response_types]
        other_types = [kind for operation in operations for kinds in operation.other_types.values() for kind in kinds]
        payload_types = [WebhookMessage[payload] for payload, _ in PAYLOADS.values()]  # type: ignore[valid-type]
        message_types = [kind for operation in operations for kind in operation.message_types]
        errors = [ErrorEnvelope, MachineErrorEnvelope]
        types = list(
            dict.fromkeys([*body_types, *response_types, *other_types, *payload_types, *message_types, *errors])
        )
        schemas, components = msgspec.json.schema_components(types, ref_template=SCHEMA_PREFIX + "{name}")
        names = {
            schema["$ref"].removeprefix(SCHEMA_PREFIX): _name_type(kind)
            for kind, schema in zip(types, schemas, strict=True)
            if get_origin(kind) is not None and "$ref" in schema
        }
        self._names = names
        self._schemas = dict(zip(types, (self._rename(schema) for schema in schemas), strict=True))
        self.components: dict[str, Node] = {}
        self.errors: dict[str, Node] = {}
        for name, schema in sorted(components.items()):
            renamed = self._rename(msgspec.to_builtins(schema))  # defaults may be tuples and Structs
            renamed["title"] = names.get(name, name)
            if "description" in renamed:
                renamed["description"] = inspect.cleandoc(renamed["description"])
            for node in renamed.get("properties", {}).values():
                _add_format_example(node)
            self.components[renamed["title"]] = renamed

    def get(self, kind: Any) -> Node:  # noqa: ANN401 - any annotation
        """Return the schema, or the reference to it, of one of the types."""
        return dict(self._schemas[kind])

    def get_any(self, kinds: tuple[Any, ...]) -> Node:
        """Return the schema of a value that has one of the types."""
        return self.get(kinds[0]) if len(kinds) == 1 else {"anyOf": [self.get(kind) for kind in kinds]}

    def add_error(self, path: str, status: int) -> str:
        """Return the name of the error response of a path, which is added unless it is there."""
        envelope = ErrorEnvelope if path.startswith("/api/v1/") else MachineErrorEnvelope
        name = f"{envelope.__name__}{status}"
        if name not in self.errors:
            self.errors[name] = _build_error(self.get(envelope), example_error(path, status), status)
        return name

    def _rename(self, node: Any) -> Any:  # noqa: ANN401 - JSON values
        if isinstance(node, dict):
            renamed = {key: self._rename(value) for key, value in node.items()}
            if isinstance(reference := renamed.get("$ref"), str):
                name = reference.removeprefix(SCHEMA_PREFIX)
                renamed["$ref"] = SCHEMA_PREFIX + self._names.get(name, name)
            return renamed
        return [self._rename(value) for value in node] if isinstance(node, list | tuple) else node


def _name_type(kind: Any) -> str:  # noqa: ANN401 - any annotation
    """Return the name of a type in the document: `Page[ClipBrief]` is `ClipBriefPage`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _name_type(arguments[0])
    if origin is None:
        return "Object" if kind is Any else str(kind.__name__)
    if origin is dict:
        return f"{_name_type(arguments[1])}Map"
    if origin is list:
        return f"{_name_type(arguments[0])}List"
    if origin in (Data, Page, WebhookMessage):
        return f"{_name_type(arguments[0])}{origin.__name__}"
    return "".join(_name_type(argument) for argument in arguments if argument is not type(None))


def _add_format_example(node: Node) -> None:
    for part in (node, *node.get("anyOf", [])):
        example = FORMAT_EXAMPLES.get(part.get("format", ""))
        if example is not None:
            node.setdefault("examples", [example])


def _complete_operation(operation: Operation, schemas: _Schemas) -> None:
    node, opt = operation.node, operation.opt
    docstring = inspect.cleandoc(getattr(operation.handler.fn, "func", operation.handler.fn).__doc__ or "")
    node["description"] = docstring
    node["summary"] = summarise(docstring)
    if opt["access"] in LOGIN_ACCESS:
        node["security"] = [{"bearer": []}]
    parameters = [_complete_parameter(parameter) for parameter in node.get("parameters", [])]
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name in _list_request_headers(operation)]
    node.pop("parameters", None)
    if parameters:
        node["parameters"] = parameters
    _complete_body(operation, schemas)
    _complete_responses(operation, schemas)
    if node.get("deprecated") is False:
        del node["deprecated"]


def summarise(docstring: str) -> str:
    """Return the first sentence of a docstring without its full stop."""
    sentence = re.split(r"(?<=[^.])[.](?:\s|$)", docstring, maxsplit=1)[0]
    return " ".join(sentence.split())


def _complete_parameter(parameter: Node) -> Node:
    schema = {key: value for key, value in parameter["schema"].items() if key != "description"}
    # A parameter is left out rather than null
    alternatives = [part for part in schema.pop("oneOf", ()) if part != {"type": "null"}]
    if len(alternatives) == 1:
        schema = {**alternatives[0], **schema}
    elif alternatives:
        schema["oneOf"] = alternatives
    if isinstance(schema.get("type"), list):
        schema["type"] = next(kind for kind in schema["type"] if kind != "null")
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    name = parameter["name"]
    default_text = f"Id of the {name.removesuffix('_id').replace('_', ' ')}." if name.endswith("_id") else ""
    text, example = PARAMETERS.get(name, (default_text, None))
    _add_format_example(schema)
    completed = {
        "name": name,
        "in": parameter["in"],
        "required": parameter.get("required", False),
        "description": parameter.get("description") or text,
        "schema": schema,
    }
    return completed if example is None else {**completed, "example": example}


def _list_request_headers(operation: Operation) -> Iterator[str]:
    opt = operation.opt
    access: Access = opt["access"]
    if access in LOGIN_ACCESS and access is not Access.USER and "{workspace_id}" not in operation.path:
        yield "X-Workspace-ID"
    if opt.get("idempotent"):
        yield "Idempotency-Key"
    reads: tuple[str, ...] = opt.get("reads_headers", ())
    if 412 in opt.get("error_statuses", ()) and "Tus-Resumable" not in reads:
        yield "If-Match"
    yield from reads


def _build_header_parameter(name: str) -> Node:
    return {"name": name, "in": "header", "required": name in REQUIRED_HEADERS, **_build_header(name)}


def _build_header(name: str) -> Node:
    text, schema, example = HEADERS[name]
    return {"description": text, "schema": schema, "example": example}


def _complete_body(operation: Operation, schemas: _Schemas) -> None:
    node, kind = operation.node, operation.opt.get("body")
    if operation.body_type is not None:
        is_optional = type(None) in get_args(operation.body_type)
        media: Node = {"schema": schemas.get(operation.body_type)}
        example = BODY_EXAMPLES.get(node["operationId"])
        if example is not None:
            media["examples"] = {"typical": {"summary": "A typical request", "value": example}}
        node["requestBody"] = {"content": {"application/json": media}, "required": not is_optional}
    elif kind == "binary":
        media_type = operation.opt.get("body_type", "application/octet-stream")
        node["requestBody"] = {"content": {media_type: {"schema": {}}}, "required": True}
    elif kind == "multipart":
        properties = {"file": {"type": "string", "contentMediaType": "application/octet-stream"}}
        form = {"type": "object", "properties": properties, "required": ["file"], "additionalProperties": True}
        node["requestBody"] = {"content": {"multipart/form-data": {"schema": form}}, "required": True}


def _complete_responses(operation: Operation, schemas: _Schemas) -> None:
    node, opt = operation.node, operation.opt
    responses: dict[str, Node] = {}
    for status, response in node["responses"].items():
        if status.startswith(("2", "3")):
            responses[status] = _complete_success(operation, int(status), response, schemas)
    statuses = {*COMMON_STATUSES, *opt.get("error_statuses", ())}
    if node.get("requestBody"):
        statuses.update(BODY_STATUSES)
    if "{" in operation.path:
        statuses.add(404)
    if opt["access"] is not Access.PUBLIC:
        statuses.update(LOGIN_STATUSES)
    if opt.get("rate_limit"):
        statuses.add(429)
    if opt.get("idempotent"):
        statuses.update((409, 422))
    if is_generation_path(operation.path):
        statuses.discard(422)  # `error_response` turns it into 400
    for status in sorted(statuses):
        if kinds := operation.other_types.get(status):
            example = example_error(operation.path, status)
            responses[str(status)] = _build_error(schemas.get_any(kinds), example, status)
        else:
            name = schemas.add_error(operation.path, status)
            responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    node["responses"] = responses


def _complete_success(operation: Operation, status: int, response: Node, schemas: _Schemas) -> Node:
    opt, other_types = operation.opt, operation.other_types
    kinds = other_types.get(status, operation.response_types)
    text = response["description"] if status in other_types else opt.get("response_text")
    headers = ["X-Request-ID"]
    headers += RATE_LIMIT_HEADERS if opt.get("rate_limit") else ()
    headers += ("Idempotency-Replayed",) if opt.get("idempotent") else ()
    headers += opt.get("sends_headers", ())
    completed: Node = {
        "description": text or summarise(operation.node["description"]) + ".",
        "headers": _refer_to_headers(headers),
    }
    if operation.message_types:
        data = schemas.get_any(operation.message_types)
        completed["content"] = {"text/event-stream": {"schema": _build_stream_schema(data)}}
    elif kinds:
        completed["content"] = {"application/json": {"schema": schemas.get_any(kinds)}}
    elif any(media.get("schema") != {"type": "null"} for media in response.get("content", {}).values()):
        completed["content"] = response["content"]
    return completed


def _build_stream_schema(data: Node) -> Node:
    """Return the schema of one server-sent event: its data is JSON in text."""
    return {
        "type": "object",
        "description": "One message. It has no event name, so that `EventSource.onmessage` receives it.",
        "properties": {
            "id": {"type": "string", "description": "Id to resume after, as `Last-Event-ID`.", "examples": ["1042"]},
            "data": {
                "type": "string",
                "description": "A JSON object.",
                "contentMediaType": "application/json",
                "contentSchema": data,
            },
        },
        "required": ["id", "data"],
    }


def _build_error(schema: Node, example: Node, status: int) -> Node:
    headers = ["X-Request-ID"]
    headers += ("Retry-After",) if status in (429, 503) else ()
    headers += RATE_LIMIT_HEADERS if status == 429 else ()
    media = {"schema": schema, "examples": {"error": {"summary": "An error", "value": example}}}
    content = {"application/json": media}
    return {"description": describe_status(status), "headers": _refer_to_headers(headers), "content": content}


def _refer_to_headers(names: list[str]) -> Node:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _build_webhook(name: str, schemas: _Schemas) -> Node:
    payload, text = PAYLOADS[name]
    operation = {
        "operationId": f"events.{name}",
        "summary": text.rstrip("."),
        "description": f"{text} Answer with a 2xx status within 10 s; otherwise it is sent again.",
        "parameters": [{"$ref": f"#/components/parameters/{header}"} for header in WEBHOOK_HEADERS],
        "requestBody": {
            "content": {"application/json": {"schema": schemas.get(WebhookMessage[payload])}},  # type: ignore[valid-type]
            "required": True,
        },
        "responses": {"2XX": {"description": "The event was received."}},
        "tags": ["Webhooks"],
    }
    return {"post": operation}
