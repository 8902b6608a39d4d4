"""Refuses query parameters that a path does not know: a misspelt filter would otherwise list everything."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from api.access import Access
from api.errors import ApiError

# Signed paths hold signatures in their query strings, which the store checks as a whole; the framework's own
# handlers of OPTIONS have no access
UNCHECKED_ACCESS = (Access.SIGNED, Access.TICKET, None)


def refuse_unknown_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Raise ApiError 400, naming the parameter and those that the path knows. Only `/api/v1` is as strict."""
    query: bytes = connection.scope["query_string"]
    is_checked = handler.opt.get("access") not in UNCHECKED_ACCESS
    if not query or not connection.scope["path"].startswith("/api/v1/") or not is_checked:
        return
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    accepted = list_query_parameters(handler)
    unknown = next((name for name in names if name not in accepted), None)
    if unknown is not None:
        expected = f"This path takes {', '.join(sorted(accepted))}." if accepted else "This path takes none."
        raise ApiError(400, f"`{unknown[:100]}` is not a query parameter of this path. {expected}")


def list_query_parameters(handler: BaseRouteHandler) -> set[str]:
    """Return the names of the query parameters of a handler and of its dependencies."""
    providers = handler.resolve_dependencies()
    signatures = [handler.parsed_fn_signature, *(provider.parsed_fn_signature for provider in providers.values())]
    names = set()
    for signature in signatures:
        for name, field in signature.parameters.items():
            if isinstance(field.kwarg_definition, ParameterKwarg) and field.kwarg_definition.param_type == "query":
                names.add(field.kwarg_definition.name or name)
    return names
