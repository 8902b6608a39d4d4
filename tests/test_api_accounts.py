"""People: registration, login, sessions that rotate, resets, members and their roles, API keys."""

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api_server import PASSWORD, Server
from resources import mail


def somewhere() -> dict[str, str]:
    """A client address of one's own: limits count by it."""
    return {"X-Forwarded-For": f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}"}


def post(server: Server, path: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(server.base + path, json=body, headers={**somewhere(), **headers})


def fresh() -> str:
    return f"{secrets.token_hex(6)}@example.com"


def test_register_then_me(server: Server) -> None:
    email = fresh()
    made = post(server, "/v1/auth/register", {"email": email.upper(), "password": PASSWORD, "first_name": "Ada"})
    assert made.status_code == 201, made.text
    session = made.json()["data"]
    assert session["user"]["email"] == email and session["user"]["first_name"] == "Ada"
    me = httpx.get(
        server.base + "/v1/me",
        # the seed's client sends the header before it knows a workspace
        headers={"Authorization": f"Bearer {session['access']}", "X-Workspace-ID": "undefined"},
    ).json()["data"]
    assert me["workspaces"][0]["role"] == "OWNER" and me["workspaces"][0]["tier"] == "FREE"
    assert post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).status_code == 409


@pytest.mark.parametrize("password", ["short1A", "nouppercase1", "NOLOWERCASE1", "NoDigitsHere", ""])
def test_a_weak_password_is_refused_and_costs_no_attempt(server: Server, password: str) -> None:
    place = somewhere()
    for _ in range(5):
        answer = post(server, "/v1/auth/register", {"email": fresh(), "password": password}, **place)
        assert answer.status_code == 400


@pytest.mark.parametrize("email", ["", "nobody", "a b@c.de", "@example.com", "x@", "a@b..de", 7, None])
def test_what_is_no_address_is_refused(server: Server, email: Any) -> None:
    assert post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).status_code == 400


def test_registering_is_limited_by_place_and_by_address(server: Server) -> None:
    place, email = somewhere(), fresh()
    for left in (2, 1, 0):
        answer = post(server, "/v1/auth/register", {"email": fresh(), "password": PASSWORD}, **place)
        assert answer.status_code == 201 and answer.headers["x-ratelimit-remaining"] == str(left)
    refused = post(server, "/v1/auth/register", {"email": fresh(), "password": PASSWORD}, **place)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) > time.time()
    statuses = [post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).status_code for _ in range(4)]
    assert statuses == [201, 409, 409, 429]


def test_logging_in_is_limited_by_place_and_by_address(server: Server) -> None:
    member = server.member()
    right = {"email": member.email, "password": PASSWORD}
    assert [post(server, "/v1/auth/login", right).status_code for _ in range(6)] == [200] * 5 + [429]
    place = somewhere()
    wrong = [post(server, "/v1/auth/login", {"email": fresh(), "password": "x"}, **place) for _ in range(11)]
    assert [answer.status_code for answer in wrong] == [401] * 10 + [429]


def test_a_forwarded_address_is_not_believed_from_a_stranger(server: Server) -> None:
    """Only the last hop before our trusted proxy counts: what a client writes in front of it does not."""
    member, place = server.member(), somewhere()["X-Forwarded-For"]
    statuses = []
    for n in range(11):
        forged = {"X-Forwarded-For": f"10.1.1.{n}, {place}"}
        body = {"email": fresh() if n else member.email, "password": "x"}
        statuses.append(httpx.post(server.base + "/v1/auth/login", json=body, headers=forged).status_code)
    assert statuses[-1] == 429


def test_an_unknown_address_takes_as_long_as_a_wrong_password(server: Server) -> None:
    known, unknown = [], []
    for _ in range(4):
        member = server.member()
        for times, email in ((known, member.email), (unknown, fresh())):
            began = time.perf_counter()
            answer = post(server, "/v1/auth/login", {"email": email, "password": "Wrong7password"})
            times.append(time.perf_counter() - began)
            assert answer.status_code == 401
            assert answer.json()["error"] == "The e-mail address or the password is wrong."
    assert 0.4 < min(known) / min(unknown) < 2.5


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(server: Server) -> None:
    member = server.member()
    first = post(server, "/v1/auth/refresh", {"refresh": member.refresh})
    assert first.status_code == 200 and first.json()["data"]["refresh"] != member.refresh
    assert member.call("GET", "/v1/me").status_code == 200
    assert post(server, "/v1/auth/refresh", {"refresh": member.refresh}).status_code == 401
    assert post(server, "/v1/auth/refresh", {"refresh": first.json()["data"]["refresh"]}).status_code == 401
    assert member.call("GET", "/v1/me").status_code == 401


def test_of_twenty_refreshes_at_once_one_wins(server: Server) -> None:
    member = server.member()
    gate = threading.Barrier(20)

    def refresh(_: int) -> int:
        gate.wait()
        return post(server, "/v1/auth/refresh", {"refresh": member.refresh}).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(refresh, range(20)))
    assert sorted(statuses) == [200] + [401] * 19


def test_logout_ends_the_session(server: Server) -> None:
    member = server.member()
    assert post(server, "/v1/auth/logout", {"refresh": member.refresh}).json() == {"data": {"ok": True}}
    assert member.call("GET", "/v1/me").status_code == 401
    assert post(server, "/v1/auth/refresh", {"refresh": member.refresh}).status_code == 401
    assert post(server, "/v1/auth/logout", {"refresh": member.refresh}).status_code == 200


def test_a_reset_by_mail_sets_a_password_once_and_ends_all_sessions(server: Server) -> None:
    member = server.member()
    body = {"email": member.email, "redirect_base": "https://evil.example/steal"}
    asked = post(server, "/v1/auth/password-reset", body)
    assert asked.status_code == 200 and asked.json()["data"] == {"ok": True}
    letter = _letter(server, member.email)
    assert "evil.example" not in letter
    token = letter.partition("token=")[2].split()[0]
    assert post(server, "/v1/auth/password-reset/confirm", {"token": token, "new_password": "weak"}).status_code == 400
    change = {"token": token, "new_password": "Another7horse"}
    assert post(server, "/v1/auth/password-reset/confirm", change).status_code == 200
    assert post(server, "/v1/auth/password-reset/confirm", change).status_code == 400
    assert member.call("GET", "/v1/me").status_code == 401
    assert post(server, "/v1/auth/login", {"email": member.email, "password": PASSWORD}).status_code == 401
    assert post(server, "/v1/auth/login", {"email": member.email, "password": "Another7horse"}).status_code == 200


def test_a_reset_tells_nobody_who_has_an_account(server: Server) -> None:
    odd = {"email": server.member().email, "redirect_base": "http://["}  # was a fault, but only for whom we know
    assert post(server, "/v1/auth/password-reset", odd).status_code == 200
    known, unknown = [], []
    # The quicker of two, for one of them may have met a busy moment
    for times, email in [(known, server.member().email), (unknown, fresh())] * 2:
        began = time.perf_counter()
        answer = post(server, "/v1/auth/password-reset", {"email": email})
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200 and answer.json() == {"data": {"ok": True}}
    assert abs(min(known) - min(unknown)) < 0.1


def test_an_invitation_waits_until_its_address_registers(server: Server) -> None:
    owner, email = server.member(), fresh()
    invited = owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": email})
    assert invited.status_code == 201 and invited.json()["data"]["accepted_at"] is None
    assert "workspace" in _letter(server, email)
    made = post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).json()["data"]
    me = httpx.get(server.base + "/v1/me", headers={"Authorization": f"Bearer {made['access']}"}).json()["data"]
    roles = [(workspace["id"], workspace["role"]) for workspace in me["workspaces"]]
    assert roles[0][1] == "OWNER" and roles[1] == (owner.workspace_id, "EDITOR")
    assert owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": email}).status_code == 409


def test_the_last_owner_can_neither_leave_nor_step_down(server: Server) -> None:
    owner, other = server.member(), server.member()
    base = f"/v1/{owner.workspace_id}/members"
    assert owner.call("DELETE", f"{base}/{owner.user_id}").status_code == 409
    assert owner.call("PATCH", f"{base}/{owner.user_id}", json={"role": "EDITOR"}).status_code == 409
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": other.email})
    assert owner.call("PATCH", f"{base}/{other.user_id}", json={"role": "ADMIN"}).status_code == 400
    promoted = owner.call("PATCH", f"{base}/{other.user_id}", json={"role": "OWNER"})
    assert promoted.json()["data"]["role"] == "OWNER"
    assert owner.call("DELETE", f"{base}/{owner.user_id}").status_code == 200
    assert owner.call("GET", "/v1/usage").status_code == 403


def test_an_editor_has_no_say_over_members_and_keys(server: Server) -> None:
    owner, editor = server.member(), server.member()
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": editor.email})
    editor.workspace_id = owner.workspace_id
    assert editor.call("GET", "/v1/usage").status_code == 200
    assert editor.call("GET", "/v1/keys").status_code == 403
    assert editor.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": fresh()}).status_code == 403


def test_profile_changes_what_is_given(server: Server) -> None:
    member = server.member()
    changed = member.call("PATCH", "/v1/me", json={"first_name": "Ada", "avatar_url": "https://example.com/a.png"})
    assert changed.json()["data"]["first_name"] == "Ada"
    changed = member.call("PATCH", "/v1/me", json={"avatar_url": None, "unknown": 1}).json()["data"]
    assert changed["avatar_url"] is None and changed["first_name"] == "Ada"


def test_a_key_is_shown_once_and_does_what_its_scopes_say(server: Server) -> None:
    owner = server.member()
    made = owner.call("POST", "/v1/keys", json={"name": "ci", "scopes": ["read"]})
    assert made.status_code == 201
    key = made.json()["data"]
    assert key["key"].startswith("sk_live_")
    assert key["key"] not in owner.call("GET", "/v1/keys").text
    bearer = {"Authorization": f"Bearer {key['key']}"}
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 200
    assert httpx.post(server.base + "/v1/sse-ticket", headers=bearer).status_code == 200
    body = {"filename": "a.mp4", "filesize": 1}
    assert httpx.post(server.base + "/v1/projects/create", headers=bearer, json=body).status_code == 403
    assert httpx.get(server.base + "/v1/keys", headers=bearer).status_code == 403
    other = {**bearer, "X-Workspace-ID": server.member().workspace_id}
    assert httpx.get(server.base + "/v1/projects", headers=other).status_code == 403
    assert owner.call("GET", "/v1/keys").json()["data"][0]["last_used_at"] is not None
    rotated = owner.call("POST", f"/v1/keys/{key['id']}/rotate").json()["data"]
    assert rotated["id"] == key["id"]
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 401
    bearer = {"Authorization": f"Bearer {rotated['key']}"}
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 200
    assert owner.call("DELETE", f"/v1/keys/{key['id']}").status_code == 200
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 401


def test_a_key_of_the_generation_surface_may_all_that_this_surface_offers(server: Server) -> None:
    """There keys have no scopes and are the only login: one could neither list keys nor set the webhook."""
    owner = server.member()
    made = owner.call("POST", "/keys", json={"name": "service"})
    key = made.json()["data"]
    assert made.status_code == 201 and key["scopes"] == ["read", "write", "admin"] and key["last_used_at"] is None
    bearer = {"Authorization": f"Bearer {key['key']}"}
    assert [k["id"] for k in httpx.get(server.base + "/keys", headers=bearer).json()["data"]] == [key["id"]]
    url = {"webhookUrl": "https://example.com/hook"}
    assert httpx.patch(server.base + "/settings", headers=bearer, json=url).status_code == 200
    narrow = owner.call("POST", "/keys", json={"name": "narrow", "scopes": ["read"]}).json()["data"]
    assert narrow["scopes"] == ["read"]
    assert owner.call("POST", "/v1/keys", json={"name": "plain"}).json()["data"]["scopes"] == ["read", "write"]


def _letter(server: Server, recipient: str) -> str:
    with server.database.read() as connection:
        return next(m.body for m in reversed(mail.outbox(connection)) if m.recipient == recipient)
