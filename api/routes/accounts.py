"""/v1/me, and the members of workspaces."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.background_tasks import BackgroundTask
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.access import Access, Caller
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Ok
from api.errors import ApiError, not_found
from api.request_fields import Email, Name, Role, Url, list_changes
from resources import accounts, mail
from resources.platform import Platform

PROFILE: dict[str, Any] = {"access": Access.USER, "sync_to_thread": True, "tags": ["Profile and workspaces"]}
MEMBERS: dict[str, Any] = {**PROFILE, "access": Access.OWNER}


class MeOut(msgspec.Struct):
    """A user, and the workspaces that the caller may act in."""

    id: str
    email: str
    first_name: str
    last_name: str
    avatar_url: str | None
    workspaces: list[accounts.Membership]


class MeRequest(msgspec.Struct):
    """A field left out stays as it is; `avatar_url: null` removes the picture."""

    first_name: Name | msgspec.UnsetType = msgspec.UNSET
    last_name: Name | msgspec.UnsetType = msgspec.UNSET
    avatar_url: Url | msgspec.UnsetType | None = msgspec.UNSET


class InviteRequest(msgspec.Struct):
    """Whom to invite, and the role that they get."""

    email: Email
    role: Role = "EDITOR"


class RoleRequest(msgspec.Struct):
    """The new role of a member."""

    role: Role


class Team(msgspec.Struct):
    """The people of a workspace; `invitations` are those not accepted yet."""

    members: list[accounts.Member]
    invitations: list[accounts.Invitation]


@get("/v1/me", **PROFILE)
def get_me(platform: PlatformDep, caller: CallerDep) -> Data[MeOut]:
    """Return your profile and your workspaces. The workspace created at registration comes first.

    With an API key: the profile of the key's creator, and the key's workspace alone.
    """
    return Data(_load_me(platform, caller))


@patch("/v1/me", **PROFILE)
def update_me(platform: PlatformDep, caller: CallerDep, data: JSONBody[MeRequest]) -> Data[MeOut]:
    """Change your names or picture."""
    with platform.database.write() as connection:
        accounts.update_user(connection, caller.user, **list_changes(data))
    return Data(_load_me(platform, caller))


@post("/v1/{workspace_id:uuid}/invite", idempotent=True, **MEMBERS)
def invite_member(
    platform: PlatformDep, caller: CallerDep, workspace_id: PathId, data: JSONBody[InviteRequest]
) -> Response[Data[accounts.Invitation]]:
    """Invite a person by e-mail. A registered user becomes a member at once, anyone else when they register."""
    with platform.database.write() as connection:
        invitation = accounts.invite(connection, caller.workspace, caller.user_id, data.email, data.role)
        name = accounts.get_workspace_name(connection, caller.workspace)
        is_member = invitation.accepted_at is not None
        next_step = "You are now a member" if is_member else "Register with this address to become a member"
        body = (
            f"You were invited to the workspace {name} on Carmic as {data.role}.\n\n"
            f"{next_step}:\n\n{platform.settings.public_url}\n"
        )
        mail.enqueue(connection, invitation.email, f"Invitation to {name}", body)
    task = BackgroundTask(sync_to_thread, mail.send_pending, platform.database, platform.settings)
    return Response(Data(invitation), status_code=201, background=task)


@get("/v1/{workspace_id:uuid}/members", **MEMBERS)
def list_members(platform: PlatformDep, caller: CallerDep, workspace_id: PathId) -> Data[Team]:
    """List the workspace's members and pending invitations."""
    with platform.database.read() as connection:
        invitations = accounts.list_pending_invitations(connection, caller.workspace)
        return Data(Team(accounts.list_members(connection, caller.workspace), invitations))


@patch("/v1/{workspace_id:uuid}/members/{user_id:uuid}", **MEMBERS)
def update_member_role(
    platform: PlatformDep, caller: CallerDep, workspace_id: PathId, user_id: PathId, data: JSONBody[RoleRequest]
) -> Data[accounts.Member]:
    """Make a member OWNER or EDITOR. A workspace keeps at least one OWNER."""
    with platform.database.write() as connection:
        if not accounts.set_role(connection, caller.workspace, str(user_id), data.role):
            raise not_found("member")
        member = next(m for m in accounts.list_members(connection, caller.workspace) if m.user_id == str(user_id))
    return Data(member)


@delete("/v1/{workspace_id:uuid}/members/{user_id:uuid}", status_code=200, **MEMBERS)
def remove_member(platform: PlatformDep, caller: CallerDep, workspace_id: PathId, user_id: PathId) -> Data[Ok]:
    """Remove a member. A workspace keeps at least one OWNER."""
    with platform.database.write() as connection:
        if not accounts.remove_member(connection, caller.workspace, str(user_id)):
            raise not_found("member")
    return Data(Ok())


@delete("/v1/{workspace_id:uuid}/invitations/{invitation_id:uuid}", status_code=200, **MEMBERS)
def withdraw_invitation(
    platform: PlatformDep, caller: CallerDep, workspace_id: PathId, invitation_id: PathId
) -> Data[Ok]:
    """Withdraw a pending invitation."""
    with platform.database.write() as connection:
        if not accounts.withdraw_invitation(connection, caller.workspace, str(invitation_id)):
            raise not_found("invitation")
    return Data(Ok())


def _load_me(platform: Platform, caller: Caller) -> MeOut:
    with platform.database.read() as connection:
        user = accounts.get_user(connection, caller.user_id) if caller.user_id else None
        if user is None:
            raise ApiError(403, "The creator of this API key was deleted. Log in as a user instead.")
        memberships = accounts.list_memberships(connection, user.id)
    if caller.key_id:
        memberships = [membership for membership in memberships if membership.id == caller.workspace_id]
    return MeOut(user.id, user.email, user.first_name, user.last_name, user.avatar_url, memberships)


ROUTES: list[HTTPRouteHandler] = [
    get_me,
    update_me,
    invite_member,
    list_members,
    update_member_role,
    remove_member,
    withdraw_invitation,
]
