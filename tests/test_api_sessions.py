"""Sessions, changes of password and address, deletion of accounts, and who may register, over HTTP."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from api_server import PASSWORD, Member, Server, run_server
from resources import accounts, sessions
from resources.database import tables
from resources.database.engine import now
from resources.run_submission import Submitter
from sensors.project_purge import purge_deleted_projects
from sensors.workspace_purge import purge_deleted_workspaces

COOKIE = {"X-Carmic-Session": "cookie"}


def post(server: Server, path: str, body: object = None, **headers: str) -> httpx.Response:
    """Send a request from a random client address, so that rate limits do not interfere."""
    headers = {"X-Forwarded-For": f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}", **headers}
    return httpx.post(server.base + path, json=body, headers=headers)


def refresh(server: Server, token: str) -> httpx.Response:
    return post(server, "/v1/auth/refresh", {"refresh": token})


def test_a_refresh_token_used_twice_at_once_yields_two_pairs(server: Server) -> None:
    """A second tab, or a lost response, must not log the user out."""
    member = server.create_member()
    responses = [refresh(server, member.refresh) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 401]
    pairs = [response.json()["data"] for response in responses[:2]]
    assert len({member.refresh, *(pair["refresh"] for pair in pairs)}) == 3
    for pair in pairs:  # both pairs are valid, in one session
        assert refresh(server, pair["refresh"]).status_code == 200
    assert len(member.call("GET", "/v1/auth/sessions").json()["data"]) == 1


def test_of_twenty_concurrent_refreshes_two_succeed(server: Server) -> None:
    member = server.create_member()
    gate = threading.Barrier(20)

    def use(_: int) -> int:
        gate.wait()
        return refresh(server, member.refresh).status_code

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(use, range(20))) == [200, 200] + [401] * 18


def test_a_refresh_token_used_again_later_ends_the_session(server: Server) -> None:
    member = server.create_member()
    pair = refresh(server, member.refresh).json()["data"]
    with server.database.write() as connection:
        spent = update(tables.refresh_tokens).where(
            tables.refresh_tokens.c.token_hash == sessions.hash_token(member.refresh)
        )
        connection.execute(spent.values(spent_at=now() - sessions.REFRESH_GRACE))
    assert member.call("GET", "/v1/me").status_code == 200
    assert refresh(server, member.refresh).status_code == 401
    assert refresh(server, pair["refresh"]).status_code == 401
    assert member.call("GET", "/v1/me").status_code == 401


def test_a_session_ends_however_often_it_is_refreshed(server: Server) -> None:
    member = server.create_member()
    token = refresh(server, member.refresh).json()["data"]["refresh"]
    with server.database.write() as connection:
        row = update(tables.sessions).where(tables.sessions.c.user_id == member.user_id)
        connection.execute(row.values(expires_at=now()))
    assert refresh(server, token).status_code == 401
    assert member.call("GET", "/v1/me").status_code == 401


def test_sessions_are_listed_and_revoked(server: Server) -> None:
    member = server.create_member()
    login = {"email": member.email, "password": PASSWORD}
    agents = [post(server, "/v1/auth/login", login, **{"User-Agent": f"browser {n}"}).json()["data"] for n in (1, 2)]
    listed = member.call("GET", "/v1/auth/sessions").json()["data"]
    assert {item["user_agent"] for item in listed} == {"", "browser 1", "browser 2"}
    assert [item["user_agent"] for item in listed if item["is_current"]] == [""]
    first = next(item["id"] for item in listed if item["user_agent"] == "browser 1")
    assert server.create_member().call("DELETE", f"/v1/auth/sessions/{first}").status_code == 404
    assert member.call("DELETE", f"/v1/auth/sessions/{first}").status_code == 200
    assert refresh(server, agents[0]["refresh"]).status_code == 401
    assert member.call("DELETE", "/v1/auth/sessions").status_code == 200
    assert refresh(server, agents[1]["refresh"]).status_code == 401
    assert len(member.call("GET", "/v1/auth/sessions").json()["data"]) == 1
    key = member.call("POST", "/v1/keys", json={"name": "k", "scopes": ["admin"]}).json()["data"]["key"]
    bearer = {"Authorization": f"Bearer {key}"}
    assert httpx.get(server.base + "/v1/auth/sessions", headers=bearer).status_code == 403


def test_a_cookie_session_keeps_the_refresh_token_from_scripts(server: Server) -> None:
    member = server.create_member()
    login = post(server, "/v1/auth/login", {"email": member.email, "password": PASSWORD}, **COOKIE)
    assert "refresh" not in login.json()["data"] and login.json()["data"]["access"]
    attributes = login.headers["set-cookie"]
    assert "HttpOnly" in attributes and "samesite=strict" in attributes.lower() and "Path=/api/v1/auth" in attributes
    cookie = attributes.partition(";")[0]
    assert post(server, "/v1/auth/refresh", Cookie=cookie).status_code == 400  # a page of another site has no header
    refreshed = post(server, "/v1/auth/refresh", Cookie=cookie, **COOKIE)
    assert refreshed.status_code == 200 and "refresh" not in refreshed.json()["data"]
    cookie = refreshed.headers["set-cookie"].partition(";")[0]
    logged_out = post(server, "/v1/auth/logout", Cookie=cookie, **COOKIE)
    assert logged_out.status_code == 200 and "Max-Age=0" in logged_out.headers["set-cookie"]
    assert post(server, "/v1/auth/refresh", Cookie=cookie, **COOKIE).status_code == 401


def test_a_password_change_needs_the_current_one_and_ends_other_sessions(server: Server) -> None:
    member = server.create_member()
    login = {"email": member.email, "password": PASSWORD}
    other = post(server, "/v1/auth/login", login).json()["data"]
    change = {"current_password": "Wrong7password", "new_password": "Another7horse"}
    assert member.call("POST", "/v1/auth/password", json=change).status_code == 403
    change["current_password"] = PASSWORD
    assert member.call("POST", "/v1/auth/password", json={**change, "new_password": "weak"}).status_code == 400
    assert member.call("POST", "/v1/auth/password", json=change).status_code == 200
    assert refresh(server, other["refresh"]).status_code == 401
    assert member.call("GET", "/v1/me").status_code == 200
    assert post(server, "/v1/auth/login", login).status_code == 401
    assert post(server, "/v1/auth/login", {**login, "password": "Another7horse"}).status_code == 200


def test_an_address_changes_when_its_mail_is_answered(server: Server) -> None:
    member, taken = server.create_member(), server.create_member()
    new_email = f"{secrets.token_hex(6)}@example.com"
    assert member.call("POST", "/v1/auth/email", json={"email": new_email, "password": "x"}).status_code == 403
    change = {"email": new_email, "password": PASSWORD}
    assert member.call("POST", "/v1/auth/email", json=change).status_code == 200
    assert member.call("GET", "/v1/me").json()["data"]["email"] == member.email
    assert new_email in server.read_mail(member.email)
    token = server.read_mail_token(new_email)
    verified = post(server, "/v1/auth/verify-email", {"token": token})
    assert verified.status_code == 200 and verified.json()["data"]["email_verified_at"] is not None
    assert member.call("GET", "/v1/me").json()["data"]["email"] == new_email
    assert post(server, "/v1/auth/verify-email", {"token": token}).status_code == 400
    assert member.call("POST", "/v1/auth/email", json={**change, "email": taken.email}).status_code == 200
    with pytest.raises(StopIteration):
        server.read_mail(taken.email)


def test_a_registration_is_verified_by_mail_that_can_be_resent(server: Server) -> None:
    email = f"{secrets.token_hex(6)}@example.com"
    session = post(server, "/v1/auth/register", {"email": email, "password": PASSWORD}).json()["data"]
    assert session["user"]["email_verified_at"] is None
    first = server.read_mail_token(email)
    headers = {"Authorization": f"Bearer {session['access']}"}
    assert httpx.post(server.base + "/v1/auth/verify-email/resend", headers=headers).status_code == 200
    assert post(server, "/v1/auth/verify-email", {"token": first}).status_code == 400
    assert post(server, "/v1/auth/verify-email", {"token": server.read_mail_token(email)}).status_code == 200
    assert httpx.get(server.base + "/v1/me", headers=headers).json()["data"]["email_verified_at"] is not None


def test_a_hash_of_older_parameters_is_renewed_at_login(server: Server) -> None:
    member = server.create_member()
    old_hash = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    with server.database.write() as connection:
        accounts.update_user(connection, member.user_id, password_hash=old_hash)
    assert post(server, "/v1/auth/login", {"email": member.email, "password": PASSWORD}).status_code == 200
    with server.database.read() as connection:
        renewed = accounts.find_user_by_email(connection, member.email)
    assert renewed is not None and renewed[1] != old_hash
    assert post(server, "/v1/auth/login", {"email": member.email, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("written", "stored"),
    [("ＡＤＡ{n}@ｅxample.com", "ada{n}@example.com"), ("Ada{n}@BÜCHER.example", "ada{n}@xn--bcher-kva.example")],
)
def test_an_address_has_one_stored_form(server: Server, written: str, stored: str) -> None:
    n = secrets.token_hex(4)
    registered = post(server, "/v1/auth/register", {"email": written.format(n=n), "password": PASSWORD})
    assert registered.status_code == 201 and registered.json()["data"]["user"]["email"] == stored.format(n=n)
    repeated = {"email": stored.format(n=n), "password": PASSWORD}
    assert post(server, "/v1/auth/register", repeated).status_code == 409
    assert post(server, "/v1/auth/login", {"email": written.format(n=n), "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    "email", ["\u0430dmin@example.com", "ad\u200bmin@example.com", "a@-x-.com", "\u0441\u043e\u0440@a.de"]
)
def test_an_address_that_looks_like_another_is_refused(server: Server, email: str) -> None:
    refused = post(server, "/v1/auth/register", {"email": email, "password": PASSWORD})
    assert refused.status_code == 400 and refused.json()["error"].startswith("`email`")
    owner = server.create_member()
    assert owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": email}).status_code == 400
    accepted = {"email": f"jos\u00e9.{secrets.token_hex(4)}@example.com", "password": PASSWORD}
    assert post(server, "/v1/auth/register", accepted).status_code == 201


def count_rows(server: Server, workspace_id: str) -> dict[str, int]:
    with server.database.read() as connection:
        return {
            name: connection.scalar(select(func.count()).where(table.c.workspace_id == workspace_id)) or 0
            for name, table in tables.metadata.tables.items()
            if "workspace_id" in table.c
        }


def test_a_deleted_account_takes_its_workspaces_with_everything_in_them(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, other = server.create_member(), server.create_member()
    project = member.create_project()
    store = server.platform.store
    keys = [project.object_key, f"workspaces/{member.workspace_id}/media/a.png"]
    for key in keys:
        store.put_bytes(key, b"bytes")
    member.call("POST", "/v1/keys", json={"name": "k"})
    member.call("POST", f"/v1/{member.workspace_id}/invite", json={"email": "nobody.yet@example.com"})
    shared, own = other.workspace_id, member.workspace_id
    server.add_member(shared, member)
    assert member.call("DELETE", "/v1/me", json={"password": "Wrong7password"}).status_code == 403
    assert member.call("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 200
    assert member.call("GET", "/v1/me").status_code == 401
    assert refresh(server, member.refresh).status_code == 401
    assert post(server, "/v1/auth/login", {"email": member.email, "password": PASSWORD}).status_code == 401
    assert [m["user_id"] for m in other.call("GET", f"/v1/{shared}/members").json()["data"]["members"]] == [
        other.user_id
    ]
    submitter = Submitter(server.platform)
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(Submitter, "instance", instance)
        purge_deleted_projects(server.platform, submitter)
        purge_deleted_workspaces(server.platform)
    assert [store.stat(key) for key in keys] == [None, None]
    assert set(count_rows(server, own).values()) == {0}
    assert count_rows(server, shared)["members"] == 1


def test_a_workspace_is_deleted_by_an_owner_with_the_password(server: Server) -> None:
    owner, editor = server.create_member(), server.create_member()
    server.add_member(owner.workspace_id, editor)
    path, body = f"/v1/{owner.workspace_id}", {"password": PASSWORD}
    assert owner.call("DELETE", "/v1/me", json=body).status_code == 409  # its other member would have no OWNER
    assert editor.call("DELETE", path, json=body).status_code == 403
    assert owner.call("DELETE", path, json={"password": "x"}).status_code == 403
    assert owner.call("DELETE", path, json=body).status_code == 200
    for member in (owner, editor):
        assert member.call("GET", "/v1/projects").status_code == 403
    assert owner.call("GET", "/v1/me").json()["data"]["workspaces"] == []


@pytest.fixture(scope="module")
def invited_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"registration": "invite", "metrics_token": "a token of the monitoring"}
    with run_server(tmp_path_factory.mktemp("invited"), **settings) as server:
        yield server


def test_registration_can_need_an_invitation(invited_server: Server) -> None:
    owner: Member = invited_server.create_member()
    body = {"email": "new@example.com", "password": PASSWORD}
    owner.call("POST", f"/v1/{owner.workspace_id}/invite", json={"email": "new@example.com"})
    token = invited_server.read_mail_token("new@example.com")
    assert post(invited_server, "/v1/auth/register", body).status_code == 403
    other = {**body, "email": "other@example.com", "invitation_token": token}
    assert post(invited_server, "/v1/auth/register", other).status_code == 403
    session = post(invited_server, "/v1/auth/register", {**body, "invitation_token": token})
    assert session.status_code == 201
    headers = {"Authorization": f"Bearer {session.json()['data']['access']}"}
    accepted = httpx.post(invited_server.base + "/v1/invitations/accept", json={"token": token}, headers=headers)
    assert accepted.json()["data"]["id"] == owner.workspace_id


def test_metrics_need_the_token_or_this_machine(server: Server, invited_server: Server) -> None:
    """A request through a proxy on the same machine does not count as local."""
    for port, token in ((server.port, ""), (invited_server.port, "a token of the monitoring")):
        url = f"http://127.0.0.1:{port}/metrics"
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        assert httpx.get(url, headers=bearer).status_code == 200
        assert httpx.get(url, headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
        assert httpx.get(url, headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 403
    assert httpx.get(url).status_code == 403
    assert httpx.get(url, headers={"Authorization": "Bearer guess"}).status_code == 403
    assert httpx.get(url, headers={**bearer, "X-Forwarded-For": "203.0.113.9"}).status_code == 200


def test_registration_can_be_closed(tmp_path_factory: pytest.TempPathFactory) -> None:
    with run_server(tmp_path_factory.mktemp("closed"), registration="closed") as server:
        body = {"email": "new@example.com", "password": PASSWORD}
        assert post(server, "/v1/auth/register", body).status_code == 403
        member = server.create_member()  # by the command line
        assert post(server, "/v1/auth/login", {"email": member.email, "password": PASSWORD}).status_code == 200
