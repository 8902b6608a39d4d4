"""Calls every route without a login, as another user, as an EDITOR and with a foreign key, and expects no access."""

import base64
import re
import secrets
import uuid
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from litestar import Litestar, get

from api.access import Access
from api.app import UnclassifiedRouteError, check_access_declared, create_app
from api_server import Member, Server
from api_talk import create_analysed_project
from carmic_assets.generation.endpoints import ENDPOINTS
from media_files import write_numbered_video
from resources import (
    api_keys,
    exports,
    generation_jobs,
    invitations,
    media_library,
    pending_uploads,
    renders,
    sessions,
    social,
    templates,
    timeline_jobs,
    timeline_variants,
    timelines,
    webhooks,
)
from resources.signing_keys import Cipher
from resources.timeline_variants import NewVariant
from timeline_client import TimelineClient

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
    return owner, create_one_of_everything(owner)


def create_one_of_everything(owner: Member) -> dict[str, str]:
    """Create one resource of each kind; returns their ids by the names that paths use, and an object key."""
    server, workspace_id = owner.server, owner.workspace_id
    project, clip = create_analysed_project(owner)
    cipher = Cipher(server.platform.settings, webhooks.CIPHER_PURPOSE)
    object_key = media_library.new_key(workspace_id, ".png")
    server.platform.store.put_bytes(object_key, b"a picture")
    invited = f"{secrets.token_hex(6)}@example.com"
    with server.database.write() as connection:
        render = renders.queue(connection, clip, str(uuid.uuid4()))
        export, _ = exports.request(connection, clip, "premiere", False, str(uuid.uuid4()))
        key, _ = api_keys.create(connection, workspace_id, owner.user_id, "theirs", ["read"])
        webhook = webhooks.create(connection, cipher, workspace_id, "https://example.com/hook")
        delivery = webhooks.create_test_delivery(connection, webhook)
        template = templates.create(connection, workspace_id, "Theirs", "9_16", {})
        file = media_library.add(
            connection, workspace_id, object_key=object_key, filename="logo.png", media_type="image",
            content_type="image/png", size_bytes=9,
        )  # fmt: skip
        account = social.connect(connection, workspace_id, "youtube", "external", "Channel", "sealed", None)
        new = generation_jobs.NewGeneration("clip", "pipeline", None, {}, {}, 30)
        credits = server.platform.settings.monthly_credits
        job = generation_jobs.enqueue(connection, workspace_id, owner.user_id, new, credits)
        invitation, token = invitations.create(connection, workspace_id, owner.user_id, invited, "EDITOR")
        session = sessions.start(connection, owner.user_id)
    presigned = owner.call(
        "POST", "/v1/media/presign", json={"filename": "b.png", "content_type": "image/png", "file_size": 9}
    )
    assert presigned.status_code == 200 and template is not None, presigned.text
    with server.database.read() as connection:
        (pending,) = pending_uploads.list_all(connection, workspace_id)
    return {
        **create_timeline(owner),
        "workspace_id": workspace_id,
        "user_id": owner.user_id,
        "session_id": session.id,
        "project_id": project.id,
        "generation_id": job.id,
        "clip_id": clip.id,
        "export_id": export.id,
        "render_id": render.id,
        "key_id": key.id,
        "webhook_id": webhook.id,
        "delivery_id": delivery.id,
        "template_id": template.id,
        "media_id": file.id,
        "object_key": object_key,
        "pending_key": pending.object_key,
        "upload_id": pending.id,
        "account_id": account.id,
        "platform_id": account.id,
        "invitation_id": invitation.id,
        "invitation_token": token,
    }


def create_timeline(owner: Member) -> dict[str, str]:
    """Create a project of the timeline editor with footage, and an export of it."""
    client = TimelineClient(owner)
    with TemporaryDirectory() as folder:
        project = client.create_project(write_numbered_video(Path(folder) / "a.mp4", seconds=0.4))
    export = client.call("POST", "/export", {"project_id": project["id"], "format": "mp4"})
    with owner.server.database.read() as connection:
        (ingest,) = timeline_jobs.list_newest(connection, owner.workspace_id, ("ingest",), 1)
    return {
        "variant_id": create_variant(owner, project["id"]),
        "timeline_id": project["id"],
        "segment_id": project["segments"][0]["id"],
        "asset_id": project["assets"][0]["id"],
        "export_job_id": export["export_job_id"],
        "job_id": ingest.id,
    }


def create_variant(owner: Member, timeline_id: str) -> str:
    """Insert a completed AI edit with one variant, whose files do not exist."""
    facts = {"duration_s": 0.4, "video": {"rate": {"num": 25, "den": 1}}}
    score = {"prompt": {"fidelity": 90, "visual_quality": 80, "details": "Good.", "measures": {}}}
    score["original"] = {"details": "Alike."}
    plan = {"steps": [{"operation": "darker"}]}
    new = NewVariant(0, "as asked", plan, "a.mp4", "a.jpg", "b.jpg", facts, 10, score, 85.0, [])
    with owner.server.database.write() as connection:
        timeline = timelines.get(connection, timeline_id)
        assert timeline is not None
        request = {"prompt": "darker", "service": "local", "plan": plan, "spans": []}
        job = timeline_jobs.enqueue(connection, timeline, "generate", request)
        variant_id = timeline_variants.create(connection, job, new)
        timeline_jobs.finish(connection, job.id, None, {"variants": 1, "notes": []})
    assert variant_id is not None
    return variant_id


def collect_expected(ids: dict[str, str]) -> dict[str, str]:
    return {name: ids[name] for name in LISTS}


def collect_ids(owner: Member) -> dict[str, str]:
    """Return the ids in the owner's own lists."""
    shown_ids = {}
    for name, path in LISTS.items():
        data = owner.call("GET", path.format(workspace_id=owner.workspace_id)).json()["data"]
        shown_ids[name] = next(item["id"] for item in data if not item.get("is_system"))
    return shown_ids


LISTS = {
    "clip_id": "/v1/clips",
    "render_id": "/v1/renders",
    "project_id": "/v1/projects",
    "key_id": "/v1/keys",
    "webhook_id": "/v1/webhooks",
    "template_id": "/v1/templates",
    "media_id": "/v1/media",
    "account_id": "/v1/social/accounts",
    "invitation_id": "/v1/{workspace_id}/invitations",
}
# Path parameters that name the caller's own workspace, or no resource of a workspace
NAMES_NO_RESOURCE = {"workspace_id", "name", "ratio", "path"}
# Valid bodies of the routes whose path names a resource
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/clips/{clip_id}/exports"): {"target_format": "premiere"},
    ("POST", "/v1/clips/{clip_id}/custom-media/presign"): {
        "filename": "a.png", "content_type": "image/png", "file_size": 9,
    },
    ("PATCH", "/v1/projects/{project_id}"): {"title": "x"},
    ("POST", "/v1/projects/{project_id}/clips"): {"start_time": 1, "end_time": 5},
    ("PATCH", "/v1/{workspace_id}/members/{user_id}"): {"role": "EDITOR"},
    ("PATCH", "/v1/webhooks/{webhook_id}"): {"enabled": False},
    ("PATCH", "/v1/social/toggle/{account_id}"): {"enabled": False},
    ("PATCH", "/project/{project_id}"): {"name": "x"},
    ("POST", "/project/{project_id}/upload"): {"file_name": "b.mp4", "content_type": "video/mp4"},
    ("POST", "/project/{project_id}/preview/frame"): {"ts": 0},
    ("POST", "/project/{project_id}/preview/strip"): {"start": 0, "end": 0.2, "fps": 5},
    ("POST", "/project/{project_id}/revert"): {"revision": 0},
    ("POST", "/project/{project_id}/otio"): {"otio": {}},
    ("POST", "/segment/{segment_id}/split"): {"split_ts": 0.2},
    ("POST", "/segment/{segment_id}/trim"): {"new_start_ts": 0, "new_end_ts": 0.2},
    ("POST", "/segment/{segment_id}/reorder"): {"order_index": 0},
}  # fmt: skip
Body = Callable[[dict[str, str]], dict[str, Any]]
# Routes whose body or header names a resource, with the expected status. A config may name files: 422, as for a file
# that does not exist. An invitation that is for another address is 403.
BODIES_THAT_NAME: dict[tuple[str, str], tuple[int, Body]] = {
    ("POST", "/v1/media/confirm"): (404, lambda ids: {"json": {"object_key": ids["pending_key"]}}),
    ("POST", "/v1/storage/playback-url"): (404, lambda ids: {"json": {"object_key": ids["object_key"]}}),
    ("PUT", "/v1/templates/defaults/{ratio}"): (404, lambda ids: {"json": {"template_id": ids["template_id"]}}),
    ("POST", "/v1/uploads"): (404, lambda ids: {"more_headers": describe_upload(ids["project_id"])}),
    ("POST", "/v1/invitations/accept"): (403, lambda ids: {"json": {"token": ids["invitation_token"]}}),
    # Each clip of a batch has its own status; `collect_ids` shows that none was deleted.
    ("POST", "/v1/clips/batch"): (200, lambda ids: {"json": {"action": "delete", "clip_ids": [ids["clip_id"]]}}),
    ("POST", "/export"): (404, lambda ids: {"json": {"project_id": ids["timeline_id"], "format": "mp4"}}),
    ("POST", "/ai/generate"): (404, lambda ids: {"json": describe_edit(ids["timeline_id"])}),
    ("POST", "/project"): (404, lambda ids: {"json": {"name": "x", "carmic_project_id": ids["project_id"]}}),
    ("POST", "/generate/clip"): (404, lambda ids: {"json": {"sourceVideoUrl": ids["media_id"]}}),
    ("POST", "/generate/photoshoot"): (404, lambda ids: {"json": photograph(ids["media_id"])}),
    ("POST", "/v1/templates"): (422, lambda ids: {"json": {"name": "x", "template_config": show_file(ids)}}),
    ("PUT", "/v1/clips/{clip_id}"): (422, lambda ids: {"json": show_file(ids)}),
    ("PATCH", "/v1/clips/{clip_id}"): (422, lambda ids: {"json": show_file(ids)}),
}
# Routes that name only the caller's own user and workspace
NAMES_NOTHING = {
    ("GET", "/project"), ("GET", "/me"), ("GET", "/ai/health"), ("GET", "/ai/timeline"),
    *(("POST", f"/generate/{endpoint.kind}") for endpoint in ENDPOINTS if endpoint.kind not in ("clip", "photoshoot")),
    ("GET", "/jobs"), ("GET", "/usage"), ("GET", "/models"), ("GET", "/voices"),
    ("POST", "/upload/image"), ("POST", "/upload/audio"), ("POST", "/upload/video"),
    ("POST", "/voice-agent/calls/outbound"), ("GET", "/voice-agent/calls"), ("POST", "/voice-agent/agents"),
    ("GET", "/keys"), ("POST", "/keys"), ("GET", "/settings"), ("PATCH", "/settings"),
    ("GET", "/v1/me"), ("PATCH", "/v1/me"), ("DELETE", "/v1/me"),
    ("GET", "/v1/auth/sessions"), ("DELETE", "/v1/auth/sessions"), ("POST", "/v1/auth/password"),
    ("POST", "/v1/auth/email"), ("POST", "/v1/auth/verify-email/resend"),
    ("DELETE", "/v1/{workspace_id}"), ("POST", "/v1/{workspace_id}/invite"), ("GET", "/v1/{workspace_id}/members"),
    ("GET", "/v1/{workspace_id}/invitations"),
    ("POST", "/v1/workspaces"), ("PATCH", "/v1/{workspace_id}"), ("POST", "/v1/{workspace_id}/leave"),
    ("GET", "/v1/clips"), ("GET", "/v1/renders"), ("GET", "/v1/exports"), ("GET", "/v1/events"),
    ("POST", "/v1/billing/checkout"), ("GET", "/v1/usage"), ("POST", "/v1/sse-ticket"),
    ("GET", "/v1/keys"), ("POST", "/v1/keys"), ("GET", "/v1/webhooks"), ("POST", "/v1/webhooks"),
    ("GET", "/v1/projects"), ("POST", "/v1/projects/create"), ("POST", "/v1/projects/create-from-url"),
    ("GET", "/v1/projects/caption-templates"),
    ("GET", "/v1/media"), ("GET", "/v1/media/stats"), ("GET", "/v1/media/uploads"), ("POST", "/v1/media/presign"),
    ("POST", "/v1/storage/upload-url"), ("POST", "/v1/workspaces/media"),
    ("GET", "/v1/templates"), ("GET", "/v1/templates/defaults"), ("DELETE", "/v1/templates/defaults/{ratio}"),
    ("GET", "/v1/social/accounts"), ("POST", "/v1/social/connect/{name}"), ("POST", "/v1/social/callback/{name}"),
}  # fmt: skip


def describe_edit(timeline_id: str) -> dict[str, Any]:
    return {"project_id": timeline_id, "prompt": "make it darker", "start_ts": 0, "end_ts": 0.2}


def show_file(ids: dict[str, str]) -> dict[str, Any]:
    return {"elements": {"watermark": {"enabled": True, "imageUrl": ids["object_key"]}}}


def photograph(media_id: str) -> dict[str, Any]:
    choices = {"background": "studio-white", "angle": "front", "lighting": "soft", "count": 1}
    return {"productImage": media_id, **choices}


def describe_upload(project_id: str) -> dict[str, str]:
    encoded = base64.b64encode(project_id.encode()).decode()
    return {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": f"project_id {encoded}"}


def fill_path(path: str, ids: dict[str, str]) -> str:
    filler = {"ratio": "9_16", "name": "youtube", **ids}
    return re.sub(r"{(\w+)}", lambda m: filler.get(name_resource(path, m[1]), str(uuid.uuid4())), path)


def name_resource(path: str, parameter: str) -> str:
    """Return the name of the resource that a path parameter identifies.

    The timeline editor calls timelines projects.
    """
    if parameter == "job_id" and path.startswith("/api/jobs/"):
        return "generation_id"
    return "timeline_id" if parameter == "project_id" and path.startswith("/api/project/") else parameter


def call(server: Server, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    return httpx.request(method, f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=30, **body)  # type: ignore[arg-type]


def send(
    server: Server,
    method: str,
    path: str,
    headers: dict[str, str],
    *,
    json: object = None,
    more_headers: dict[str, str] | None = None,
) -> httpx.Response:
    body = {} if json is None else {"json": json}
    url = f"http://127.0.0.1:{server.port}{path}"
    return httpx.request(method, url, headers={**headers, **(more_headers or {})}, timeout=30, **body)


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


def test_another_workspace_cannot_be_entered(server: Server, routes: list[Route], owned_resources: Owned) -> None:
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
        if not opt.get("default_workspace"):
            assert call(server, method, url, no_workspace).status_code == 403, (method, path)


def test_no_route_finds_what_another_workspace_owns(
    server: Server, routes: list[Route], owned_resources: Owned
) -> None:
    """Each id of a path, and each id or key of a body, is replaced by a foreign one in an otherwise valid request."""
    owner, theirs = owned_resources
    stranger = server.create_member("ENTERPRISE")
    own = create_one_of_everything(stranger)
    with server.database.write() as connection:
        _, secret = api_keys.create(connection, stranger.workspace_id, stranger.user_id, "k", ["admin"])
    with_key = {"Authorization": f"Bearer {secret}"}
    unknown = {name: str(uuid.uuid4()) for name in theirs} | {"object_key": f"workspaces/{uuid.uuid4()}/media/a.png"}
    tried, problems = set(), []

    def expect(expected: int, response: httpx.Response, *context: object) -> None:
        leaks = owner.email in response.text or "The best moment" in response.text
        if response.status_code != expected or leaks:
            problems.append((*context, response.status_code, response.text[:200]))

    for method, path, opt in routes:
        if opt["access"] not in (Access.USER, Access.EDITOR, Access.OWNER, Access.SIGNED_OR_EDITOR):
            continue
        route = (method, path.removeprefix("/api"))
        tried.add(route)
        parameters = [name_resource(path, name) for name in re.findall(r"{(\w+)}", path)]
        named = [name for name in parameters if name not in NAMES_NO_RESOURCE]
        if not (named or route in BODIES_THAT_NAME or route in NAMES_NOTHING):
            problems.append((*route, "is in none of the lists"))
        body = BODIES.get(route, {}) if method in ("POST", "PUT", "PATCH") else None
        for name in named:
            url = fill_path(path, {**own, name: theirs[name]})
            expect(404, send(server, method, url, stranger.headers, json=body), *route, name)
            key_status = 404 if opt.get("api_keys", True) else 403
            expect(key_status, send(server, method, url, with_key, json=body), *route, name, "with a key")
        if route in BODIES_THAT_NAME:
            expected, build = BODIES_THAT_NAME[route]
            url = fill_path(path, own)
            expect(expected, send(server, method, url, stranger.headers, **build(theirs)), *route)
            if expected != 403:  # a resource of another workspace is indistinguishable from one that does not exist
                expect(expected, send(server, method, url, stranger.headers, **build(unknown)), *route, "unknown")
    assert problems == []
    assert set(BODIES_THAT_NAME) | NAMES_NOTHING <= tried, "a listed route does not exist"
    after = collect_ids(owner)
    assert after == collect_expected(theirs)  # nothing was changed or deleted


def test_an_editor_cannot_use_owner_routes(server: Server, routes: list[Route], owned_resources: Owned) -> None:
    owner, ids = owned_resources
    editor = server.create_member()
    server.add_member(owner.workspace_id, editor)
    headers = editor.headers
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
    server.add_member(owner.workspace_id, guest)
    headers = guest.headers
    assert httpx.get(f"{server.base}/v1/projects", headers=headers).status_code == 200
    owner.call("DELETE", f"/v1/{owner.workspace_id}/members/{guest.user_id}")
    assert httpx.get(f"{server.base}/v1/projects", headers=headers).status_code == 403
