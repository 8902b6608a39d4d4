"""Accounts over HTTP: registration, login, rotating sessions, password resets, members and roles, API keys."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Table, insert, update

from api_server import PASSWORD, Server
from resources.caps import CAPS, CapReachedError, OpenCounts
from resources.database import tables
from resources.database.engine import now


def random_ip_headers() -> dict[str, str]:
    """Headers with a random client address, so that rate limits by IP address do not interfere."""
    return {"X-Forwarded-For": f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}"}


def post(server: Server, path: str, body: object, **headers: str) -> httpx.Response:
    return httpx.post(server.base + path, json=body, headers={**random_ip_headers(), **headers})


def random_email() -> str:
    return f"{secrets.token_hex(6)}@example.com"


def test_register_then_me(server: Server) -> None:
    email = random_email()
    registered = post(server, "/v1/auth/register", {"email": email.upper(), "password": PASSWORD, "first_name": "Ada"})
    assert registered.status_code == 201, registered.text
    session = registered.json()["data"]
    assert session["user"]["email"] == email and session["user"]["first_name"] == "Ada"
    me = httpx.get(
        server.base + "/v1/me",
        # the reference's client sends the header before it knows a workspace
        headers={"Authorization": f"Bearer {session['access']}", "X-Workspace-ID": "undefined"},
    ).json()["data"]
    assert me["workspaces"][0]["role"] == "OWNER" and me["workspaces"][0]["tier"] == "FREE"
    assert post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).status_code == 409


@pytest.mark.parametrize("password", ["short1A", "nouppercase1", "NOLOWERCASE1", "NoDigitsHere", ""])
def test_a_weak_password_is_rejected_before_it_is_counted(server: Server, password: str) -> None:
    headers = random_ip_headers()
    for _ in range(5):
        response = post(server, "/v1/auth/register", {"email": random_email(), "password": password}, **headers)
        assert response.status_code == 400


@pytest.mark.parametrize("email", ["", "nobody", "a b@c.de", "@example.com", "x@", "a@b..de", 7, None])
def test_an_invalid_address_is_rejected(server: Server, email: object) -> None:
    assert post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).status_code == 400


def test_registration_is_limited_by_ip_and_by_email(server: Server) -> None:
    headers, email = random_ip_headers(), random_email()
    for remaining in (2, 1, 0):
        response = post(server, "/v1/auth/register", {"email": random_email(), "password": PASSWORD}, **headers)
        assert response.status_code == 201 and response.headers["x-ratelimit-remaining"] == str(remaining)
    refused = post(server, "/v1/auth/register", {"email": random_email(), "password": PASSWORD}, **headers)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) > time.time()
    statuses = [post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).status_code for _ in range(4)]
    assert statuses == [201, 409, 409, 429]


def test_login_counts_failures_by_address_and_network(server: Server) -> None:
    """If the limit counted by address alone, anyone could lock the owner out."""
    member, stranger, home = server.create_member(), random_ip_headers(), random_ip_headers()
    wrong = {"email": member.email, "password": "Wrong7password"}
    correct = {"email": member.email, "password": PASSWORD}
    guesses = [post(server, "/v1/auth/login", wrong, **stranger).status_code for _ in range(6)]
    assert guesses == [401] * 5 + [429]
    # The sixth attempt is rejected, even with the right password
    assert post(server, "/v1/auth/login", correct, **stranger).status_code == 429
    assert [post(server, "/v1/auth/login", correct, **home).status_code for _ in range(8)] == [200] * 8
    headers = random_ip_headers()
    failures = [
        post(server, "/v1/auth/login", {"email": random_email(), "password": "x"}, **headers) for _ in range(11)
    ]
    assert [response.status_code for response in failures] == [401] * 10 + [429]


def test_concurrent_guesses_do_not_pass_the_limit(server: Server) -> None:
    member, headers = server.create_member(), random_ip_headers()
    wrong = {"email": member.email, "password": "Wrong7password"}
    with ThreadPoolExecutor(9) as pool:
        statuses = list(pool.map(lambda _: post(server, "/v1/auth/login", wrong, **headers).status_code, range(9)))
    assert sorted(statuses) == [401] * 5 + [429] * 4


def test_the_addresses_of_one_ipv6_network_share_a_limit(server: Server) -> None:
    network = f"2001:db8:{secrets.token_hex(2)}:7"
    statuses = []
    for number in range(11):
        headers = {"X-Forwarded-For": f"{network}:{number:x}:1:2:3"}
        statuses.append(
            post(server, "/v1/auth/login", {"email": random_email(), "password": "x"}, **headers).status_code
        )
    assert statuses == [401] * 10 + [429]


def test_a_forged_forwarded_address_is_ignored(server: Server) -> None:
    """Only the last hop before the trusted proxy is used, because a client can send any hops before it."""
    member, address = server.create_member(), random_ip_headers()["X-Forwarded-For"]
    statuses = []
    for n in range(11):
        forged = {"X-Forwarded-For": f"10.1.1.{n}, {address}"}
        body = {"email": random_email() if n else member.email, "password": "x"}
        statuses.append(httpx.post(server.base + "/v1/auth/login", json=body, headers=forged).status_code)
    assert statuses[-1] == 429


def test_login_takes_as_long_for_an_unknown_address(server: Server) -> None:
    known_times, unknown_times = [], []
    for _ in range(4):
        member = server.create_member()
        for times, email in ((known_times, member.email), (unknown_times, random_email())):
            started_at = time.perf_counter()
            response = post(server, "/v1/auth/login", {"email": email, "password": "Wrong7password"})
            times.append(time.perf_counter() - started_at)
            assert response.status_code == 401
            assert response.json()["error"] == "The email address or the password is wrong."
    assert 0.4 < min(known_times) / min(unknown_times) < 2.5


def test_logout_ends_the_session(server: Server) -> None:
    member = server.create_member()
    assert post(server, "/v1/auth/logout", {"refresh": member.refresh}).json() == {"data": {"ok": True}}
    assert member.call("GET", "/v1/me").status_code == 401
    assert post(server, "/v1/auth/refresh", {"refresh": member.refresh}).status_code == 401
    assert post(server, "/v1/auth/logout", {"refresh": member.refresh}).status_code == 200


def test_a_password_reset_works_once_and_ends_all_sessions(server: Server) -> None:
    member = server.create_member()
    body = {"email": member.email, "redirect_base": "https://evil.example/steal"}
    requested = post(server, "/v1/auth/password-reset", body)
    assert requested.status_code == 200 and requested.json()["data"] == {"ok": True}
    message = server.read_mail(member.email)
    assert "evil.example" not in message
    token = message.partition("token=")[2].split()[0]
    assert post(server, "/v1/auth/password-reset/confirm", {"token": token, "new_password": "weak"}).status_code == 400
    change = {"token": token, "new_password": "Another7horse"}
    assert post(server, "/v1/auth/password-reset/confirm", change).status_code == 200
    assert post(server, "/v1/auth/password-reset/confirm", change).status_code == 400
    assert member.call("GET", "/v1/me").status_code == 401
    assert post(server, "/v1/auth/login", {"email": member.email, "password": PASSWORD}).status_code == 401
    assert post(server, "/v1/auth/login", {"email": member.email, "password": "Another7horse"}).status_code == 200


def test_a_password_reset_does_not_reveal_accounts(server: Server) -> None:
    malformed = {
        "email": server.create_member().email,
        "redirect_base": "http://[",
    }  # invalid links must not fail for registered addresses only
    assert post(server, "/v1/auth/password-reset", malformed).status_code == 200
    known_times, unknown_times = [], []
    # The faster of two, because one may be slowed down by a busy machine
    for times, email in [(known_times, server.create_member().email), (unknown_times, random_email())] * 2:
        started_at = time.perf_counter()
        response = post(server, "/v1/auth/password-reset", {"email": email})
        times.append(time.perf_counter() - started_at)
        assert response.status_code == 200 and response.json() == {"data": {"ok": True}}
    assert abs(min(known_times) - min(unknown_times)) < 0.1


def test_an_invitation_is_accepted_with_its_token_under_its_address(server: Server) -> None:
    """Registration of the invited address alone must not create a membership, with or without an account."""
    owner, email, stranger = server.create_member(), random_email(), server.create_member()
    path = f"/v1/{owner.workspace_id}/invite"
    invited = owner.call("POST", path, json={"email": email.upper()})
    assert invited.status_code == 201 and invited.json()["data"]["accepted_at"] is None
    assert "token" not in invited.text
    token = server.read_mail_token(email)
    member = register(server, email)
    assert [workspace["role"] for workspace in member("GET", "/v1/me").json()["data"]["workspaces"]] == ["OWNER"]
    assert stranger.call("POST", "/v1/invitations/accept", json={"token": token}).status_code == 403
    assert member("POST", "/v1/invitations/accept", json={"token": "x" + token}).status_code == 400
    accepted = member("POST", "/v1/invitations/accept", json={"token": token})
    assert accepted.status_code == 200 and accepted.json()["data"]["id"] == owner.workspace_id
    me = member("GET", "/v1/me").json()["data"]
    assert (owner.workspace_id, "EDITOR") in [(w["id"], w["role"]) for w in me["workspaces"]]
    assert me["email_verified_at"] is not None
    assert member("POST", "/v1/invitations/accept", json={"token": token}).status_code == 400  # single use
    assert owner.call("POST", path, json={"email": email}).status_code == 409


def test_invitations_are_listed_resent_withdrawn_and_expire(server: Server) -> None:
    owner, guest = server.create_member(), server.create_member()
    base = f"/v1/{owner.workspace_id}/invitations"
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": guest.email})
    first_token = server.read_mail_token(guest.email)
    (listed,) = owner.call("GET", base).json()["data"]
    assert owner.call("POST", f"{base}/{listed['id']}/resend").status_code == 200
    token = server.read_mail_token(guest.email)
    assert token != first_token
    assert guest.call("POST", "/v1/invitations/accept", json={"token": first_token}).status_code == 400
    with server.database.write() as connection:
        row = update(tables.invitations).where(tables.invitations.c.id == listed["id"])
        connection.execute(row.values(expires_at=now()))
    assert guest.call("POST", "/v1/invitations/accept", json={"token": token}).status_code == 400
    owner.call("POST", f"{base}/{listed['id']}/resend")
    assert owner.call("DELETE", f"{base}/{listed['id']}").status_code == 200
    token = server.read_mail_token(guest.email)
    assert guest.call("POST", "/v1/invitations/accept", json={"token": token}).status_code == 400
    assert owner.call("GET", base).json()["data"] == []


def test_a_former_owner_keeps_no_power(server: Server) -> None:
    """Otherwise the `admin` key of a removed OWNER could invite that user again."""
    owner, former = server.create_member(), server.create_member()
    home = former.workspace_id
    server.add_member(owner.workspace_id, former, "OWNER")
    keys = [
        former.call("POST", "/v1/keys", json={"name": "k", "scopes": [s]}).json()["data"] for s in ("admin", "read")
    ]
    assert {key["created_by"] for key in owner.call("GET", "/v1/keys").json()["data"]} == {former.user_id}
    bearers = [{"Authorization": f"Bearer {key['key']}"} for key in keys]
    for method, path in (
        ("POST", f"/v1/{owner.workspace_id}/invite"),
        ("DELETE", f"/v1/{owner.workspace_id}/members/{owner.user_id}"),
        ("PATCH", f"/v1/{owner.workspace_id}/members/{owner.user_id}"),
        ("POST", "/v1/keys"),
        ("POST", "/keys"),
        ("POST", f"/v1/keys/{keys[1]['id']}/rotate"),
        ("DELETE", f"/v1/keys/{keys[1]['id']}"),
    ):
        body = {"email": random_email(), "role": "OWNER", "name": "k"}
        refused = httpx.request(method, server.base + path, headers=bearers[0], json=body)
        assert refused.status_code == 403 and "API keys" in refused.json()["error"], (method, path)
    assert httpx.get(server.base + "/v1/webhooks", headers=bearers[0]).status_code == 200
    former.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": "another.name@example.com"})
    member_path = f"/v1/{owner.workspace_id}/members/{former.user_id}"
    assert owner.call("PATCH", member_path, json={"role": "EDITOR"}).status_code == 200
    assert httpx.get(server.base + "/v1/webhooks", headers=bearers[0]).status_code == 403
    assert httpx.get(server.base + "/v1/projects", headers=bearers[0]).status_code == 200
    assert owner.call("GET", f"/v1/{owner.workspace_id}/invitations").json()["data"] == []
    former.workspace_id = owner.workspace_id
    assert former.call("DELETE", f"/v1/{owner.workspace_id}/members/{owner.user_id}").status_code == 403
    assert former.call("DELETE", member_path).status_code == 200  # an EDITOR may leave
    server.add_member(owner.workspace_id, former, "OWNER")
    for bearer in bearers:  # the keys of a former membership stay revoked in a new one
        assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 401
    former.workspace_id = home


def test_the_last_owner_cannot_leave_or_become_editor(server: Server) -> None:
    owner, other = server.create_member(), server.create_member()
    base = f"/v1/{owner.workspace_id}/members"
    assert owner.call("DELETE", f"{base}/{owner.user_id}").status_code == 409
    assert owner.call("PATCH", f"{base}/{owner.user_id}", json={"role": "EDITOR"}).status_code == 409
    server.add_member(owner.workspace_id, other)
    assert owner.call("PATCH", f"{base}/{other.user_id}", json={"role": "ADMIN"}).status_code == 400
    promoted = owner.call("PATCH", f"{base}/{other.user_id}", json={"role": "OWNER"})
    assert promoted.json()["data"]["role"] == "OWNER"
    assert owner.call("DELETE", f"{base}/{owner.user_id}").status_code == 200
    assert owner.call("GET", "/v1/usage").status_code == 403


def test_an_editor_cannot_manage_members_and_keys(server: Server) -> None:
    owner, editor = server.create_member(), server.create_member()
    server.add_member(owner.workspace_id, editor)
    assert editor.call("GET", "/v1/usage").status_code == 200
    assert editor.call("GET", "/v1/keys").status_code == 403
    assert editor.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": random_email()}).status_code == 403


def test_profile_update_changes_only_sent_fields(server: Server) -> None:
    member = server.create_member()
    changed = member.call("PATCH", "/v1/me", json={"first_name": "Ada", "avatar_url": "https://example.com/a.png"})
    assert changed.json()["data"]["first_name"] == "Ada"
    changed = member.call("PATCH", "/v1/me", json={"avatar_url": None, "unknown": 1}).json()["data"]
    assert changed["avatar_url"] is None and changed["first_name"] == "Ada"


def test_an_api_key_is_shown_once_and_limited_to_its_scopes(server: Server) -> None:
    owner = server.create_member()
    created = owner.call("POST", "/v1/keys", json={"name": "ci", "scopes": ["read"]})
    assert created.status_code == 201
    key = created.json()["data"]
    assert key["key"].startswith("sk_live_")
    assert key["key"] not in owner.call("GET", "/v1/keys").text
    bearer = {"Authorization": f"Bearer {key['key']}"}
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 200
    assert httpx.post(server.base + "/v1/sse-ticket", headers=bearer).status_code == 200
    body = {"filename": "a.mp4", "filesize": 1}
    assert httpx.post(server.base + "/v1/projects/create", headers=bearer, json=body).status_code == 403
    assert httpx.get(server.base + "/v1/keys", headers=bearer).status_code == 403
    other = {**bearer, "X-Workspace-ID": server.create_member().workspace_id}
    assert httpx.get(server.base + "/v1/projects", headers=other).status_code == 403
    assert owner.call("GET", "/v1/keys").json()["data"][0]["last_used_at"] is not None
    rotated = owner.call("POST", f"/v1/keys/{key['id']}/rotate").json()["data"]
    assert rotated["id"] == key["id"]
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 401
    bearer = {"Authorization": f"Bearer {rotated['key']}"}
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 200
    assert owner.call("DELETE", f"/v1/keys/{key['id']}").status_code == 200
    assert httpx.get(server.base + "/v1/projects", headers=bearer).status_code == 401


def test_a_generation_key_has_all_scopes_by_default(server: Server) -> None:
    """The generation API is used with keys alone: without `admin` a key could neither list keys nor set the webhook."""
    owner = server.create_member()
    created = owner.call("POST", "/keys", json={"name": "service"})
    key = created.json()["data"]
    assert created.status_code == 201 and key["scopes"] == ["read", "write", "admin"] and key["last_used_at"] is None
    bearer = {"Authorization": f"Bearer {key['key']}"}
    assert [k["id"] for k in httpx.get(server.base + "/keys", headers=bearer).json()["data"]] == [key["id"]]
    url = {"webhookUrl": "https://example.com/hook"}
    assert httpx.patch(server.base + "/settings", headers=bearer, json=url).status_code == 200
    narrow = owner.call("POST", "/keys", json={"name": "narrow", "scopes": ["read"]}).json()["data"]
    assert narrow["scopes"] == ["read"]
    assert owner.call("POST", "/v1/keys", json={"name": "plain"}).json()["data"]["scopes"] == ["read", "write"]


@pytest.mark.parametrize(
    ("name", "table", "path", "body"),
    [
        ("API keys", tables.api_keys, "/v1/keys", {"name": "one more"}),
        ("webhooks", tables.webhooks, "/v1/webhooks", {"url": "https://example.com/hook"}),
        ("templates", tables.templates, "/v1/templates", {"name": "One more", "template_config": {}}),
        ("pending invitations", tables.invitations, "/v1/{}/invite", {"email": "one.more@example.com"}),
    ],
)
def test_a_workspace_has_caps(server: Server, name: str, table: Table, path: str, body: dict[str, object]) -> None:
    owner, other = server.create_member(), server.create_member()
    fields: dict[str, object] = {
        "workspace_id": owner.workspace_id, "created_by": owner.user_id, "prefix": "sk", "scopes": ["read"],
        "url": "https://example.com", "events": [], "secret": "", "ratio": "9_16", "template_config": {},
        "preview_keys": [], "role": "EDITOR", "created_at": now(), "updated_at": now(),
    }  # fmt: skip
    columns = {column: value for column, value in fields.items() if column in table.c}
    unique = [column for column in ("id", "name", "key_hash", "email") if column in table.c]
    with server.database.write() as connection:
        rows = [{**columns, **dict.fromkeys(unique, f"{name} {n} {owner.email}"[:36])} for n in range(CAPS[name])]
        connection.execute(insert(table), rows)
    refused = owner.call("POST", path.format(owner.workspace_id), json=body)
    assert refused.status_code == 409 and f"{CAPS[name]} {name}" in refused.json()["error"]
    assert other.call("POST", path.format(other.workspace_id), json=body).status_code == 201


def test_open_streams_are_capped_by_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAPS, "open streams", 2)
    counts = OpenCounts()
    with counts.hold("open streams", "a"), counts.hold("open streams", "a"), counts.hold("open streams", "b"):
        with pytest.raises(CapReachedError) as caught, counts.hold("open streams", "a"):
            pass
        assert caught.value.is_passing
    with counts.hold("open streams", "a"):  # ended streams do not count
        pass


def register(server: Server, email: str) -> Callable[..., httpx.Response]:
    """Register the address; returns a function that sends requests of its session."""
    session = post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).json()["data"]
    headers = {"Authorization": f"Bearer {session['access']}"}
    return lambda method, path, **options: httpx.request(method, server.base + path, headers=headers, **options)
