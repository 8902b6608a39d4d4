"""Calls every route without a login, as another user, as an EDITOR and with a foreign key, and expects no access."""

import re
import uuid
from typing import Any

import httpx
import pytest
from litestar import Litestar, get

from api.access import Access
from api.app import UnclassifiedRouteError, check_access_declared, create_app
from api_server import Member, Server
from api_talk import create_analysed_project
from resources import api_keys, exports

Route = tuple[str, str, dict[str, Any]]
Owned = tuple[Member, dict[str, str]]


@pytest.fixture(scope="module")
def routes(server: Server) -> list[Route]:
    app = create_app(server.platform)
    operations = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            methods = [str(method) for method in handler.http_methods if str(method) not in ("OPTIONS", "HEAD")]
            if "access" in handler.opt:
                operations += [(method, route.path_format, handler.opt) for method in methods]
    return sorted(operations, key=lambda r: (r[1], r[0]))


@pytest.fixture(scope="module")
def owned_resources(server: Server) -> Owned:
    """A workspace with one resource of each kind, and their ids by the names that paths use."""
    owner = server.create_member("ENTERPRISE")
    project, clip = create_analysed_project(owner)
    with server.database.write() as connection:
        export, _ = exports.request(connection, clip, "premiere", False, str(uuid.uuid4()))
        key, _ = api_keys.create(connection, owner.workspace_id, owner.user_id, "theirs", ["read"])
    ids = {
        "workspace_id": owner.workspace_id,
        "user_id": owner.user_id,
        "project_id": project.id,
        "clip_id": clip.id,
        "export_id": export.id,
        "key_id": key.id,
    }
    return owner, ids


def fill_path(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda m: ids.get(m[1], str(uuid.uuid4())), path)


def call(server: Server, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    return httpx.request(method, f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=30, **body)  # type: ignore[arg-type]


GUARDED = (Access.USER, Access.EDITOR, Access.OWNER, Access.SIGNED_OR_EDITOR)


def test_app_does_not_start_with_a_route_without_access() -> None:
    @get("/anything")
    async def unclassified() -> None: ...

    with pytest.raises(UnclassifiedRouteError):
        check_access_declared(Litestar([unclassified], openapi_config=None))


def test_guarded_routes_require_a_login(server: Server, routes: list[Route], owned_resources: Owned) -> None:
    for method, path, opt in routes:
        headers = {"X-Workspace-ID": owned_resources[0].workspace_id}
        response = call(server, method, fill_path(path, owned_resources[1]), headers)
        if opt["access"] in GUARDED:
            assert response.status_code == 401, (method, path, response.status_code)
        elif opt["access"] in (Access.TICKET, Access.SIGNED):
            assert response.status_code in (401, 403, 404, 415, 503), (method, path, response.status_code)


def test_a_user_cannot_see_another_workspace(server: Server, routes: list[Route], owned_resources: Owned) -> None:
    owner, ids = owned_resources
    stranger = server.create_member("ENTERPRISE")
    with server.database.write() as connection:
        _, secret = api_keys.create(connection, stranger.workspace_id, stranger.user_id, "k", ["admin"])
    for method, path, opt in routes:
        if opt["access"] not in (Access.EDITOR, Access.OWNER, Access.SIGNED_OR_EDITOR):
            continue
        url = fill_path(path, ids)
        foreign_headers = {**stranger.headers, "X-Workspace-ID": owner.workspace_id}
        assert call(server, method, url, foreign_headers).status_code == 403, (method, path)
        foreign_key = {"Authorization": f"Bearer {secret}", "X-Workspace-ID": owner.workspace_id}
        assert call(server, method, url, foreign_key).status_code == 403, (method, path)
        no_workspace = {"Authorization": f"Bearer {stranger.token}"}
        assert call(server, method, url, no_workspace).status_code == 403, (method, path)
        if "{" not in path:
            continue
        for headers in (stranger.headers, {"Authorization": f"Bearer {secret}"}):
            response = call(server, method, url, headers)
            assert response.status_code in (400, 403, 404), (method, path, response.status_code, response.text[:200])
            assert owner.email not in response.text and "The best moment" not in response.text
    assert owner.call("GET", f"/v1/projects/{ids['project_id']}").status_code == 200  # nothing was deleted


def test_an_editor_cannot_use_owner_routes(server: Server, routes: list[Route], owned_resources: Owned) -> None:
    owner, ids = owned_resources
    editor = server.create_member()
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": editor.email})
    headers = {**editor.headers, "X-Workspace-ID": owner.workspace_id}
    with server.database.write() as connection:
        _, secret = api_keys.create(connection, owner.workspace_id, owner.user_id, "k", ["read", "write"])
    for method, path, opt in routes:
        if opt["access"] is Access.OWNER:
            assert call(server, method, fill_path(path, ids), headers).status_code == 403, (method, path)
            key = {"Authorization": f"Bearer {secret}"}
            assert call(server, method, fill_path(path, ids), key).status_code == 403, (method, path)


def test_a_read_only_key_cannot_change_anything(server: Server, routes: list[Route], owned_resources: Owned) -> None:
    owner, ids = owned_resources
    with server.database.write() as connection:
        _, secret = api_keys.create(connection, owner.workspace_id, owner.user_id, "k", ["read"])
    for method, path, opt in routes:
        if opt["access"] is Access.EDITOR and method != "GET" and opt.get("scope") != "read":
            response = call(server, method, fill_path(path, ids), {"Authorization": f"Bearer {secret}"})
            assert response.status_code == 403, (method, path)


def test_a_removed_member_loses_access_at_once(server: Server, owned_resources: Owned) -> None:
    owner, guest = owned_resources[0], server.create_member()
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": guest.email})
    headers = {**guest.headers, "X-Workspace-ID": owner.workspace_id}
    assert httpx.get(f"{server.base}/v1/projects", headers=headers).status_code == 200
    owner.call("DELETE", f"/v1/{owner.workspace_id}/members/{guest.user_id}")
    assert httpx.get(f"{server.base}/v1/projects", headers=headers).status_code == 403
