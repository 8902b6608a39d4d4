"""A workspace's resources over HTTP: media, templates, webhooks, stock footage, billing, social accounts."""

import hashlib
import hmac
import http.server
import io
import json
import subprocess
import threading
import time
import uuid
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import imageio_ffmpeg
import pytest
from PIL import Image

from api_server import Member, Server, run_server
from api_talk import create_analysed_project
from resources import social


def build_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def owner(server: Server) -> Member:
    return server.create_member("PROFESSIONAL")


def upload_and_confirm(owner: Member, data: bytes, name: str, kind: str) -> httpx.Response:
    body = {"filename": name, "content_type": kind, "file_size": len(data)}
    form = owner.call("POST", "/v1/media/presign", json=body).json()["data"]
    uploaded = httpx.post(form["url"], data=form["fields"], files={"file": (name, data, kind)})
    assert uploaded.status_code == 201, uploaded.text
    return owner.call("POST", "/v1/media/confirm", json={"object_key": form["object_key"], "filename": name})


def test_media_is_uploaded_confirmed_listed_used_and_deleted(owner: Member) -> None:
    confirmed = upload_and_confirm(owner, build_png(), "logo.png", "image/png")
    assert confirmed.status_code == 201, confirmed.text
    media = confirmed.json()["data"]
    assert (media["media_type"], media["width"], media["height"]) == ("image", 40, 20)
    repeated = owner.call("POST", "/v1/media/confirm", json={"object_key": media["object_key"]})
    assert repeated.json()["data"]["id"] == media["id"]
    assert httpx.get(media["url"]).content == build_png()
    assert owner.call("GET", "/v1/media?media_type=image&search=LOGO").json()["meta"]["total"] == 1
    assert owner.call("GET", "/v1/media?media_type=audio").json()["data"] == []
    assert owner.call("GET", "/v1/media?media_type=poem").status_code == 400
    stats = owner.call("GET", "/v1/media/stats").json()["data"]
    assert stats["storage_used_bytes"] == len(build_png()) and stats["storage_cap_bytes"] == 50 * 1024**3
    clip = create_analysed_project(owner)[1]
    config = {"elements": {"watermark": {"enabled": True, "imageUrl": media["object_key"]}}}
    assert owner.call("PUT", f"/v1/clips/{clip.id}", json=config).status_code == 200
    refused = owner.call("DELETE", f"/v1/media/{media['id']}")
    assert refused.status_code == 409 and "The best moment" in refused.json()["error"]
    owner.call("PUT", f"/v1/clips/{clip.id}", json={})
    assert owner.call("DELETE", f"/v1/media/{media['id']}").status_code == 200
    assert httpx.get(media["url"]).status_code == 404


def test_an_upload_keeps_its_announced_file_name(owner: Member) -> None:
    """The reference does not require that `confirm` repeats the name."""
    body = {"filename": "Größe 🔥.png", "content_type": "image/png", "file_size": len(build_png())}
    form = owner.call("POST", "/v1/media/presign", json=body).json()["data"]
    httpx.post(form["url"], data=form["fields"], files={"file": ("x.png", build_png(), "image/png")})
    media = owner.call("POST", "/v1/media/confirm", json={"object_key": form["object_key"]}).json()["data"]
    assert media["filename"] == "Größe 🔥.png"
    assert owner.call("GET", "/v1/media", params={"search": "größe"}).json()["meta"]["total"] == 1


def build_wav(seconds: float = 1.0) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\x10" * int(8000 * seconds))
    return buffer.getvalue()


def build_video(folder: Path, seconds: float = 2.0) -> bytes:
    """Return a video without audio."""
    path = folder / "loop.mp4"
    picture = f"testsrc=d={seconds}:s=64x36:r=10"
    make = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", picture, str(path)]
    subprocess.run(make, check=True)
    return path.read_bytes()


def test_a_config_can_only_use_suitable_files(owner: Member, server: Server, tmp_path: Path) -> None:
    """A missing file, or one of another workspace or of the wrong kind, is rejected before the render."""
    other = server.create_member("PROFESSIONAL")
    logo, song, loop = (
        upload_and_confirm(owner, data, name, kind).json()["data"]
        for data, name, kind in (
            (build_png(), "logo.png", "image/png"),
            (build_wav(), "song.wav", "audio/wav"),
            (build_video(tmp_path), "loop.mp4", "video/mp4"),
        )
    )
    foreign, deleted = (
        upload_and_confirm(m, build_wav(), "theirs.wav", "audio/wav").json()["data"] for m in (other, owner)
    )
    assert owner.call("DELETE", f"/v1/media/{deleted['id']}").status_code == 200
    body = {"filename": "b.png", "content_type": "image/png"}
    unconfirmed = owner.call("POST", "/v1/storage/upload-url", json=body).json()["data"]
    clip = create_analysed_project(owner)[1]

    def b_roll(file: str, **fields: float) -> dict[str, Any]:
        return {"b_roll": [{"videoUrl": file, "startTime": 1, "duration": 1, **fields}]}

    def music(file: str) -> dict[str, Any]:
        return {"audio": {"musicTrack": file}}

    def mark(file: str, enabled: bool = True) -> dict[str, Any]:
        return {"elements": {"watermark": {"enabled": enabled, "imageUrl": file}}}

    def save(config: dict[str, Any]) -> httpx.Response:
        return owner.call("PUT", f"/v1/clips/{clip.id}", json=config)

    for file in (song["id"], song["object_key"], song["url"]):
        assert save(music(file)).status_code == 200
        assert save({"audio": {"activeTrack": {"url": file}}}).status_code == 200
    for file in (logo["id"], logo["object_key"], logo["url"]):
        assert save(mark(file)).status_code == 200
        assert save(b_roll(file, sourceStart=50)).status_code == 200  # a still has no duration
    for fields in ({}, {"sourceStart": 1.05}, {"duration": 9, "sourceStart": 1, "sourceDuration": 1}):
        assert save(b_roll(loop["id"], **fields)).status_code == 200
    refused = {
        "audio.musicTrack": [
            music(f) for f in (str(uuid.uuid4()), "sea.mp3", foreign["id"], deleted["id"], logo["id"])
        ],
        "audio.activeTrack.url": [
            {"audio": {"activeTrack": {"url": f}}} for f in (foreign["url"], deleted["url"], loop["id"], "")
        ],
        "elements.watermark.imageUrl": [
            *(mark(f) for f in ("", foreign["object_key"], deleted["object_key"], song["id"], loop["url"])),
            mark(song["id"], enabled=False),
        ],
        "b_roll[0].videoUrl": [
            *(
                b_roll(f)
                for f in (unconfirmed["object_key"], foreign["url"], song["id"], "file.mp4", "../../etc/passwd")
            ),
            b_roll(f"workspaces/{owner.workspace_id}/../{other.workspace_id}/a.mp4"),
            b_roll(loop["id"], sourceStart=2),
            b_roll(loop["id"], sourceStart=1.5),
            b_roll(loop["id"], duration=4),
        ],
    }
    version = owner.call("GET", f"/v1/clips/{clip.id}").json()["data"]["version"]
    for field, configs in refused.items():
        for config in configs:
            result = save(config)
            assert result.status_code == 422 and f"`{field}`" in result.json()["error"], (config, result.text)
            assert result.json()["error"].rstrip(".").count(". ") >= 1, result.text  # what is wrong, and what to do
            template = owner.call("POST", "/v1/templates", json={"name": "Bad", "template_config": config})
            assert template.status_code == 422, template.text
    assert save({"audio": {"musicTrack": "a\0b"}}).status_code == 400
    assert owner.call("GET", f"/v1/clips/{clip.id}").json()["data"]["version"] == version
    assert (
        httpx.put(unconfirmed["upload_url"], content=build_png(), headers={"Content-Type": "image/png"}).status_code
        == 200
    )
    assert save(b_roll(unconfirmed["object_key"])).status_code == 200  # unconfirmed: the render will check it


def test_media_of_another_type_than_announced_is_rejected_and_deleted(owner: Member) -> None:
    for data, kind in ((b"not a picture at all", "image/png"), (build_png(), "video/mp4"), (build_png(), "audio/mpeg")):
        refused = upload_and_confirm(owner, data, "file", kind)
        assert refused.status_code == 415, refused.text
    missing = owner.call(
        "POST", "/v1/media/confirm", json={"object_key": f"workspaces/{owner.workspace_id}/media/x.png"}
    )
    assert missing.status_code == 404
    project, _ = create_analysed_project(owner)  # an object that is not media is neither added nor deleted
    facts = f"workspaces/{owner.workspace_id}/projects/{project.id}/artifacts/source.json"
    assert owner.call("POST", "/v1/media/confirm", json={"object_key": facts}).status_code == 404
    assert owner.server.platform.store.stat(facts) is not None
    body = {"filename": "a.exe", "content_type": "application/x-msdownload", "file_size": 10}
    assert owner.call("POST", "/v1/media/presign", json=body).status_code == 415


def test_a_file_over_the_storage_limit_is_402(server: Server) -> None:
    body = {"filename": "a.mp4", "content_type": "video/mp4", "file_size": 2 * 1024**3}
    assert server.create_member().call("POST", "/v1/media/presign", json=body).status_code == 402


def test_media_upload_in_one_request(owner: Member, tmp_path: Path) -> None:
    sent = owner.call(
        "POST", "/v1/workspaces/media", files={"file": ("loop.mp4", build_video(tmp_path, 1), "video/mp4")}
    )
    assert sent.status_code == 201, sent.text
    media = sent.json()["data"]
    assert media["media_type"] == "video" and media["duration"] == pytest.approx(1, abs=0.1)
    assert set(media) >= {"id", "object_key", "url", "media_type", "duration"}
    lie = owner.call("POST", "/v1/workspaces/media", files={"file": ("a.png", b"x", "image/png")})
    assert lie.status_code == 415
    assert owner.call("POST", "/v1/workspaces/media", json={}).status_code == 415


def test_a_repeated_form_with_an_idempotency_key_is_stored_once(owner: Member) -> None:
    """A client chooses a new boundary for each form, so the bytes of two equal forms differ."""
    key = {"Idempotency-Key": "one form"}
    form, other_form = (
        {"file": ("twice.png", build_png(), "image/png")},
        {"file": ("other.png", build_png(), "image/png")},
    )
    first = owner.call("POST", "/v1/workspaces/media", files=form, headers=key)
    repeated = owner.call("POST", "/v1/workspaces/media", files=form, headers=key)
    assert first.request.headers["content-type"] != repeated.request.headers["content-type"]
    assert first.status_code == repeated.status_code == 201 and first.text == repeated.text
    assert repeated.headers["idempotency-replayed"] == "true"
    assert owner.call("POST", "/v1/workspaces/media", files=other_form, headers=key).status_code == 422
    assert owner.call("GET", "/v1/media?search=twice").json()["meta"]["total"] == 1


def test_media_of_one_clip(owner: Member) -> None:
    clip = create_analysed_project(owner)[1]
    body = {"filename": "b.png", "content_type": "image/png", "file_size": len(build_png())}
    presigned = owner.call("POST", f"/v1/clips/{clip.id}/custom-media/presign", json=body).json()["data"]
    assert (
        httpx.put(presigned["upload_url"], content=build_png(), headers={"Content-Type": "image/png"}).status_code
        == 200
    )
    assert owner.call("POST", "/v1/media/confirm", json={"object_key": presigned["object_key"]}).status_code == 201
    listed = owner.call("GET", f"/v1/clips/{clip.id}/custom-media").json()["data"]
    assert [item["object_key"] for item in listed] == [presigned["object_key"]] and listed[0]["clip_id"] == clip.id
    assert listed[0]["filename"] == "b.png"


def test_storage_urls_are_limited_to_the_workspace(owner: Member, server: Server) -> None:
    response = owner.call("POST", "/v1/storage/upload-url", json={"filename": "a.png", "content_type": "image/png"})
    data = response.json()["data"]
    assert data["expires_in"] == 3600
    httpx.put(data["upload_url"], content=build_png(), headers={"Content-Type": "image/png"})
    playback = owner.call("POST", "/v1/storage/playback-url", json={"object_key": data["object_key"]}).json()["data"]
    assert httpx.get(playback["url"]).content == build_png()
    for key in (data["object_key"], "../../etc/passwd", f"workspaces/{owner.workspace_id}/../x", "", "x" * 2000):
        other = server.create_member().call("POST", "/v1/storage/playback-url", json={"object_key": key})
        assert other.status_code in (400, 404)


def test_built_in_and_own_templates(owner: Member, server: Server) -> None:
    shipped = owner.call("GET", "/v1/templates?ratio=9_16").json()["data"]
    assert {t["name"] for t in shipped} >= {"HORMOZI", "DEFAULT", "MINIMAL", "IMPACT", "KARAOKE", "BUBBLE", "WHISPER"}
    assert owner.call("GET", "/v1/templates?ratio=2_1").status_code == 400
    body = {"name": "Brand", "template_config": {"style": {"fontSize": 90}, "caption_style": "IMPACT", "future": 1}}
    created = owner.call("POST", "/v1/templates", json=body)
    assert created.status_code == 201 and created.json()["data"]["template_config"]["future"] == 1
    template = created.json()["data"]
    assert owner.call("POST", "/v1/templates", json=body).status_code == 409
    assert owner.call("POST", "/v1/templates", json={**body, "name": "HORMOZI"}).status_code == 409
    clip = create_analysed_project(owner)[1]
    assert owner.call("PUT", f"/v1/clips/{clip.id}", json={"caption_style": "Brand"}).status_code == 200
    names = [t["name"] for t in owner.call("GET", "/v1/projects/caption-templates").json()["data"]]
    assert "HORMOZI" in names
    assert "Brand" in names
    assert owner.call("DELETE", f"/v1/templates/{shipped[0]['id']}").status_code == 403
    chosen = {"template_id": template["id"]}
    assert owner.call("PUT", "/v1/templates/defaults/1_1", json=chosen).status_code == 422
    assert owner.call("PUT", "/v1/templates/defaults/9_16", json=chosen).status_code == 200
    assert owner.call("PUT", "/v1/templates/defaults/7_7", json=chosen).status_code == 400
    assert owner.call("GET", "/v1/templates/defaults").json()["data"]["9_16"]["name"] == "Brand"
    drawn = owner.call("POST", f"/v1/templates/{template['id']}/regenerate-previews")
    assert drawn.status_code == 200, drawn.text
    picture = Image.open(io.BytesIO(httpx.get(drawn.json()["data"]["preview_urls"][0]).content))
    assert picture.size == (360, 640) and len(picture.getcolors(1 << 20) or []) > 100
    redrawn = owner.call("POST", f"/v1/templates/{template['id']}/regenerate-previews").json()["data"]["preview_urls"]
    assert urlsplit(redrawn[0]).path == urlsplit(drawn.json()["data"]["preview_urls"][0]).path  # rendered once
    assert owner.call("POST", f"/v1/templates/{shipped[0]['id']}/regenerate-previews").status_code == 200
    fresh = create_analysed_project(owner)[1]
    config = owner.call("GET", f"/v1/clips/{fresh.id}").json()["data"]["template_config"]
    assert config["style"]["fontSize"] == 90 and config["caption_style"] == "IMPACT"
    free = server.create_member()
    assert free.call("PUT", "/v1/templates/defaults/9_16", json={"template_id": shipped[0]["id"]}).status_code == 402
    assert owner.call("DELETE", f"/v1/templates/{template['id']}").status_code == 200
    assert owner.call("GET", "/v1/templates/defaults").json()["data"]["9_16"] is None


def test_webhooks_are_subscribed_tested_and_rotated(owner: Member) -> None:
    for bad in ("http://example.com/hook", "https://10.0.0.1/hook", "https://localhost.:1/x", "nothing"):
        refused = owner.call("POST", "/v1/webhooks", json={"url": bad})
        assert refused.status_code in (400, 201) if "localhost" in bad else refused.status_code == 400, bad
        assert refused.status_code == 201 or refused.json()["error"].startswith("`url` ")
    body = {"url": "http://127.0.0.1:9/hook", "events": ["clip.rendered"], "description": "ours"}
    created = owner.call("POST", "/v1/webhooks", json=body)
    assert created.status_code == 201 and created.json()["data"]["secret"].startswith("whsec_")
    hook = created.json()["data"]
    assert "secret" not in owner.call("GET", f"/v1/webhooks/{hook['id']}").json()["data"]
    assert owner.call("PATCH", f"/v1/webhooks/{hook['id']}", json={"enabled": False}).json()["data"]["enabled"] is False
    assert owner.call("PATCH", f"/v1/webhooks/{hook['id']}", json={"events": ["nothing"]}).status_code == 400
    rotated = owner.call("POST", f"/v1/webhooks/{hook['id']}/rotate-secret").json()["data"]
    assert rotated["secret"] != hook["secret"]
    tested = owner.call("POST", f"/v1/webhooks/{hook['id']}/test")
    assert tested.status_code == 202
    listed = owner.call("GET", f"/v1/webhooks/{hook['id']}/deliveries").json()
    assert [d["id"] for d in listed["data"]] == [tested.json()["data"]["id"]]
    path = f"/v1/webhooks/{hook['id']}/deliveries/{listed['data'][0]['id']}/redeliver"
    assert owner.call("POST", path).json()["data"]["id"] == listed["data"][0]["id"]
    assert owner.call("DELETE", f"/v1/webhooks/{hook['id']}").status_code == 200


def test_the_generation_webhook_is_a_subscription(owner: Member) -> None:
    private = owner.call("PATCH", "/settings", json={"webhookUrl": "https://192.168.0.1/x"})
    assert private.status_code == 400 and private.json()["code"] == "BAD_REQUEST"
    assert private.json()["error"].startswith("`webhookUrl` ")
    saved = owner.call("PATCH", "/settings", json={"webhookUrl": "https://127.0.0.1/hook"})
    assert saved.status_code == 200 and saved.json()["data"]["webhookUrl"] == "https://127.0.0.1/hook"
    hooks = owner.call("GET", "/v1/webhooks").json()["data"]
    assert [h["events"] for h in hooks if h["url"].endswith("/hook")] == [["job.completed", "job.failed"]]
    assert owner.call("PATCH", "/settings", json={"webhookUrl": None}).json()["data"]["webhookUrl"] is None


def test_an_unconfigured_provider_is_503_naming_its_setting(owner: Member) -> None:
    for method, path, body, setting in (
        ("GET", "/v1/stock-videos?q=sea", None, "CARMIC_PEXELS_API_KEY"),
        ("GET", "/v1/stock-search?q=sea&type=image", None, "CARMIC_PEXELS_API_KEY"),
        ("GET", "/v1/stock-videos-pexels?q=sea", None, "CARMIC_PEXELS_API_KEY"),
        ("POST", "/v1/billing/checkout", {"minutes": 10}, "CARMIC_STRIPE_SECRET_KEY"),
        ("POST", "/v1/social/connect/youtube", {}, "CARMIC_YOUTUBE_CLIENT_ID"),
        ("POST", "/v1/social/callback/facebook", {"code": "c", "state": "s"}, "CARMIC_META_CLIENT_ID"),
        ("POST", "/v1/social/refresh/instagram", None, "CARMIC_META_CLIENT_ID"),
    ):
        response = owner.call(method, path, **({"json": body} if body is not None else {}))
        assert response.status_code == 503 and setting in response.json()["error"], response.text
        assert "retry-after" not in response.headers  # retrying does not help


# --- with a fake provider


class Provider(http.server.BaseHTTPRequestHandler):
    """A fake of the used parts of Pexels, Stripe and an OAuth platform."""

    calls: ClassVar[list[tuple[str, str, dict[str, Any]]]] = []

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.calls.append(("GET", self.path, dict(self.headers)))
        if self.path.startswith("/videos/search"):
            file = {"link": "https://v.example/1.mp4", "width": 1920, "height": 1080}
            user = {"name": "Ann", "url": "https://p.example/ann"}
            video = {"id": 7, "width": 1920, "height": 1080, "duration": 9, "image": "i", "url": "u", "user": user}
            self._answer({"videos": [{**video, "video_files": [file]}]})
        else:
            self._answer({"items": [{"id": "UC1", "snippet": {"title": "My channel"}}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.calls.append(("POST", self.path, {k: v[0] for k, v in parse_qs(body).items()}))
        if self.path == "/v1/checkout/sessions":
            self._answer({"id": "cs_1", "object": "checkout.session", "url": "https://pay.example/cs_1"})
        else:
            n = len(self.calls)
            self._answer({"access_token": f"at-{n}", "refresh_token": "rt", "expires_in": 3600, "token_type": "Bearer"})

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{provider.server_port}"
    with run_server(
        tmp_path_factory.mktemp("providers"),
        pexels_api_key="px",
        pexels_url=base,
        stripe_secret_key="sk_test_1",
        stripe_webhook_secret="whsec_test",
        stripe_url=base,
        youtube_client_id="yt",
        youtube_client_secret="shh",
        meta_client_id="mt",
        meta_client_secret="shh",
        oauth_base_url=base,
        cors_origins="https://app.example",
    ) as server:
        yield server
    provider.shutdown()


def test_cors_allows_configured_origins(configured: Server) -> None:
    preflight_headers = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,x-workspace-id",
    }
    for origin, allowed in (("https://app.example", "https://app.example"), ("https://evil.example", None)):
        preflight = httpx.options(
            f"{configured.base}/v1/clips/{uuid.uuid4()}", headers={"Origin": origin, **preflight_headers}
        )
        assert preflight.headers.get("access-control-allow-origin") == allowed
    for path, status in (("/v1/health", 200), ("/v1/me", 401), ("/v1/nothing", 404)):  # errors are readable, too
        response = httpx.get(configured.base + path, headers={"Origin": "https://app.example"})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (
            status,
            "https://app.example",
        )
        exposed = response.headers["access-control-expose-headers"]
        for name in ("ETag", "Location", "Retry-After", "X-RateLimit-Reset", "Upload-Offset", "Idempotency-Replayed"):
            assert name in exposed, name


def test_stock_results_are_attributed_and_cached(configured: Server) -> None:
    before = len(Provider.calls)
    for _ in range(3):
        items = httpx.get(f"{configured.base}/v1/stock-search?q=Sea&type=video").json()["data"]
    assert items[0]["id"] == "pexels:7" and "Ann" in items[0]["attribution"]
    assert len(Provider.calls) == before + 1
    assert Provider.calls[-1][2]["Authorization"] == "px"
    assert httpx.get(f"{configured.base}/v1/stock-search?q=").status_code == 400
    assert httpx.get(f"{configured.base}/v1/stock-search").status_code == 400


def test_a_repeated_stripe_event_credits_minutes_once(configured: Server) -> None:
    owner = configured.create_member()
    checkout = owner.call("POST", "/v1/billing/checkout", json={"minutes": 30})
    assert checkout.status_code == 200, checkout.text
    assert checkout.json()["data"] == {"url": "https://pay.example/cs_1", "session_id": "cs_1"}
    metadata = {"workspace_id": owner.workspace_id, "minutes": "30"}
    session = {"id": f"cs_{uuid.uuid4().hex}", "payment_status": "paid", "metadata": metadata}
    event = json.dumps({"type": "checkout.session.completed", "data": {"object": session}})
    timestamp = int(time.time())
    digest = hmac.new(b"whsec_test", f"{timestamp}.{event}".encode(), hashlib.sha256).hexdigest()
    webhook_url = f"{configured.base}/v1/billing/stripe-webhook"
    signed = {"Stripe-Signature": f"t={timestamp},v1={digest}", "Content-Type": "application/json"}
    for _ in range(3):
        assert httpx.post(webhook_url, content=event, headers=signed).status_code == 200
    assert owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"] == 90
    other = json.dumps(
        {"type": "checkout.session.completed", "data": {"object": {"id": "cs_2", "payment_status": "paid"}}}
    )
    digest = hmac.new(b"whsec_test", f"{timestamp}.{other}".encode(), hashlib.sha256).hexdigest()
    elsewhere = {**signed, "Stripe-Signature": f"t={timestamp},v1={digest}"}
    assert (
        httpx.post(webhook_url, content=other, headers=elsewhere).status_code == 200
    )  # another product's payment: Stripe must not repeat it
    forged = {**signed, "Stripe-Signature": f"t={timestamp},v1={'0' * 64}"}
    assert httpx.post(webhook_url, content=event, headers=forged).status_code == 403


def test_a_social_account_is_connected_refreshed_toggled_and_disconnected(configured: Server) -> None:
    owner, other = configured.create_member(), configured.create_member()
    started = owner.call("POST", "/v1/social/connect/youtube", json={"redirect_uri": "https://app.example/back"})
    assert started.status_code == 200, started.text
    consent_params = parse_qs(urlsplit(started.json()["data"]["authorization_url"]).query)
    assert consent_params["code_challenge_method"] == ["S256"] and consent_params["redirect_uri"] == [
        "https://app.example/back"
    ]
    state = started.json()["data"]["state"]
    assert consent_params["state"] == [state]
    body = {"code": "c0de", "state": state}
    assert other.call("POST", "/v1/social/callback/youtube", json=body).status_code == 403
    assert owner.call("POST", "/v1/social/callback/facebook", json=body).status_code == 403
    assert owner.call("POST", "/v1/social/callback/youtube", json={**body, "state": "forged"}).status_code == 400
    connected = owner.call("POST", "/v1/social/callback/youtube", json=body)
    assert connected.status_code == 201, connected.text
    exchanged = next(c for c in reversed(Provider.calls) if c[0] == "POST")
    assert exchanged[2]["code"] == "c0de" and exchanged[2]["code_verifier"]
    account = connected.json()["data"]
    assert account["name"] == "My channel" and "token" not in connected.text
    with configured.database.read() as connection:
        sealed = social.get_encrypted_tokens(connection, owner.workspace_id, account["id"])
    assert sealed is not None and "at-" not in sealed
    for platform_id in (account["id"], "youtube"):  # the reference allows both
        assert owner.call("POST", f"/v1/social/refresh/{platform_id}").json()["data"]["id"] == account["id"]
    assert owner.call("POST", "/v1/social/refresh/facebook").status_code == 404
    assert other.call("POST", f"/v1/social/refresh/{account['id']}").status_code == 404
    assert owner.call("PATCH", f"/v1/social/toggle/{account['id']}").json()["data"]["enabled"] is False
    assert other.call("DELETE", f"/v1/social/disconnect/{account['id']}").status_code == 404
    assert owner.call("DELETE", f"/v1/social/disconnect/{account['id']}").status_code == 200
    assert owner.call("GET", "/v1/social/accounts").json()["data"] == []
    assert owner.call("POST", "/v1/social/connect/myspace").status_code == 400
