"""Stable ids of operations, such as `projects.list`: the resource, then what is done with it.

Generated clients name their functions after these ids. An id follows from the names of the module and the handler:
`projects.list_projects` is `projects.list`.
"""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler
from litestar.types import Method

# Modules that are named after their code, and the resource that their paths belong to
RESOURCES = {
    "account_security": "account",
    "accounts": "workspaces",
    "auth": "auth",
    "clip_library": "clips",
    "editor": "clips",
    "embedded_store": "store",
    "export_jobs": "exports",
    "generate": "generation",
    "generation_account": "generation",
    "project_analysis": "projects",
    "streams": "streams",
}
PREFERRED_METHODS = ("GET", "POST")  # of a handler with two methods; the id of the other one ends in its name


def create_operation_id(handler: HTTPRouteHandler, method: Method, path_components: object) -> str:
    """Return the id of a handler's operation. Litestar refuses an id that two operations have."""
    function = getattr(handler.fn, "func", handler.fn)  # an asynchronous wrapper of a synchronous handler
    module = function.__module__.removeprefix("api.routes.").replace(".", "_")
    resource = RESOURCES.get(module, module)
    names = f"{function.__module__.rpartition('.')[2]}_{resource.removeprefix('timeline_')}"
    nouns = {form for word in names.split("_") for form in (word, word.removesuffix("s"))}
    words = handler.handler_name.split("_")
    action = [word for word in words if word not in nouns] or words[:1]
    if action[-1] in ("to", "of"):
        action.pop()
    verb = str(getattr(method, "value", method))
    suffix = f"_by_{verb.lower()}" if len(handler.http_methods) > 1 and verb not in PREFERRED_METHODS else ""
    return f"{resource}.{'_'.join(action)}{suffix}"
