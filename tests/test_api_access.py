"""Every route is walked as nobody, a stranger, an EDITOR and a foreign key: nobody sees what is not theirs."""

import re
import uuid
from typing import Any

import httpx
import pytest
from litestar import Litestar, get

from api.access import Access
from api.app import UnclassifiedRoute, _refuse_unclassified, create_app
from api_server import Member, Server
from api_talk import analysed
from resources import api_keys, exports

Route = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def routes(server: Server) -> list[Route]:
    app = create_app(server.platform)
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods:
                if str(method) not in ("OPTIONS", "HEAD") and "access" in handler.opt:
                    found.append((str(method), route.path_format, handler.opt))
    return sorted(found, key=lambda r: (r[1], r[0]))


@pytest.fixture(scope="module")
def owned(server: Server) -> tuple[Member, dict[str, str]]:
    """A workspace with one of everything, and the ids by the names that paths use."""
    owner = server.member("ENTERPRISE")
    project, clip = analysed(owner)
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


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda m: ids.get(m[1], str(uuid.uuid4())), path)


def call(server: Server, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    return httpx.request(method, f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=30, **body)  # type: ignore[arg-type]


GUARDED = (Access.USER, Access.EDITOR, Access.OWNER, Access.SIGNED_OR_EDITOR)


def test_a_route_that_says_nothing_about_access_stops_the_start() -> None:
    @get("/anything")
    async def unclassified() -> None: ...

    with pytest.raises(UnclassifiedRoute):
        _refuse_unclassified(Litestar([unclassified], openapi_config=None))


def test_nobody_gets_past_a_guarded_route(server: Server, routes: list[Route], owned: Any) -> None:
    for method, path, opt in routes:
        answer = call(server, method, filled(path, owned[1]), {"X-Workspace-ID": owned[0].workspace_id})
        if opt["access"] in GUARDED:
            assert answer.status_code == 401, (method, path, answer.status_code)
        elif opt["access"] in (Access.TICKET, Access.SIGNED):
            assert answer.status_code in (401, 403, 404, 415, 503), (method, path, answer.status_code)


def test_a_stranger_sees_nothing_of_another_workspace(server: Server, routes: list[Route], owned: Any) -> None:
    owner, ids = owned
    stranger = server.member("ENTERPRISE")
    with server.database.write() as connection:
        _, secret = api_keys.create(connection, stranger.workspace_id, stranger.user_id, "k", ["admin"])
    for method, path, opt in routes:
        if opt["access"] not in (Access.EDITOR, Access.OWNER, Access.SIGNED_OR_EDITOR):
            continue
        where = filled(path, ids)
        theirs = {**stranger.headers, "X-Workspace-ID": owner.workspace_id}
        assert call(server, method, where, theirs).status_code == 403, (method, path)
        key_there = {"Authorization": f"Bearer {secret}", "X-Workspace-ID": owner.workspace_id}
        assert call(server, method, where, key_there).status_code == 403, (method, path)
        bare = {"Authorization": f"Bearer {stranger.token}"}
        assert call(server, method, where, bare).status_code == 403, (method, path)
        if "{" not in path:
            continue
        for own in (stranger.headers, {"Authorization": f"Bearer {secret}"}):
            answer = call(server, method, where, own)
            assert answer.status_code in (400, 403, 404), (method, path, answer.status_code, answer.text[:200])
            assert owner.email not in answer.text and "The best moment" not in answer.text
    assert owner.call("GET", f"/v1/projects/{ids['project_id']}").status_code == 200  # and nothing was deleted


def test_an_editor_gets_past_no_owners_route(server: Server, routes: list[Route], owned: Any) -> None:
    owner, ids = owned
    editor = server.member()
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": editor.email})
    headers = {**editor.headers, "X-Workspace-ID": owner.workspace_id}
    with server.database.write() as connection:
        _, secret = api_keys.create(connection, owner.workspace_id, owner.user_id, "k", ["read", "write"])
    for method, path, opt in routes:
        if opt["access"] is Access.OWNER:
            assert call(server, method, filled(path, ids), headers).status_code == 403, (method, path)
            key = {"Authorization": f"Bearer {secret}"}
            assert call(server, method, filled(path, ids), key).status_code == 403, (method, path)


def test_a_key_that_may_read_changes_nothing(server: Server, routes: list[Route], owned: Any) -> None:
    owner, ids = owned
    with server.database.write() as connection:
        _, secret = api_keys.create(connection, owner.workspace_id, owner.user_id, "k", ["read"])
    for method, path, opt in routes:
        if opt["access"] is Access.EDITOR and method != "GET" and opt.get("scope") != "read":
            answer = call(server, method, filled(path, ids), {"Authorization": f"Bearer {secret}"})
            assert answer.status_code == 403, (method, path)


def test_a_member_who_was_removed_is_out_at_once(server: Server, owned: Any) -> None:
    owner, guest = owned[0], server.member()
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": guest.email})
    headers = {**guest.headers, "X-Workspace-ID": owner.workspace_id}
    assert httpx.get(f"{server.base}/v1/projects", headers=headers).status_code == 200
    owner.call("DELETE", f"/v1/{owner.workspace_id}/members/{guest.user_id}")
    assert httpx.get(f"{server.base}/v1/projects", headers=headers).status_code == 403
