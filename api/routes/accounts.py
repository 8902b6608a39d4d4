"""/v1/me and the members of workspaces."""

from __future__ import annotations

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.background_tasks import BackgroundTask
from litestar.concurrency import sync_to_thread
from litestar.params import JSONBody

from api.access import Access, Caller
from api.dependencies import Id, TheCaller, ThePlatform
from api.envelope import Data, Ok
from api.errors import ApiError
from api.request_fields import Email, Name, Role, Url
from resources import accounts, mail
from resources.platform import Platform


class MeOut(msgspec.Struct):
    id: str
    email: str
    first_name: str
    last_name: str
    avatar_url: str | None
    workspaces: list[accounts.Membership]


class MeIn(msgspec.Struct):
    """A field left out stays as it is; `avatar_url: null` removes the picture."""

    first_name: Name | msgspec.UnsetType = msgspec.UNSET
    last_name: Name | msgspec.UnsetType = msgspec.UNSET
    avatar_url: Url | msgspec.UnsetType | None = msgspec.UNSET


class InviteIn(msgspec.Struct):
    email: Email
    role: Role = "EDITOR"


class RoleIn(msgspec.Struct):
    role: Role


class Team(msgspec.Struct):
    members: list[accounts.Member]
    invitations: list[accounts.Invitation]


@get("/v1/me", access=Access.USER, sync_to_thread=True, tags=["Profile and workspaces"])
def me(platform: ThePlatform, caller: TheCaller) -> Data[MeOut]:
    """Who you are, and your workspaces; the one you got by registering comes first.

    With an API key: who made the key, and the key's workspace alone.
    """
    return Data(_me(platform, caller))


@patch("/v1/me", access=Access.USER, sync_to_thread=True, tags=["Profile and workspaces"])
def change_me(platform: ThePlatform, caller: TheCaller, data: JSONBody[MeIn]) -> Data[MeOut]:
    """Change your names or picture."""
    changes = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    with platform.database.write() as connection:
        accounts.change_user(connection, caller.user, **changes)
    return Data(_me(platform, caller))


@post(
    "/v1/{workspace_id:uuid}/invite",
    access=Access.OWNER,
    idempotent=True,
    sync_to_thread=True,
    tags=["Profile and workspaces"],
)
def invite(
    platform: ThePlatform, caller: TheCaller, workspace_id: Id, data: JSONBody[InviteIn]
) -> Response[Data[accounts.Invitation]]:
    """Invite by e-mail. Who has an account is a member at once; anybody else when they register."""
    with platform.database.write() as connection:
        invitation = accounts.invite(connection, caller.workspace, caller.user_id, data.email, data.role)
        name = accounts.workspace_name(connection, caller.workspace)
        what = "You are now a member" if invitation.accepted_at else "Register with this address to become a member"
        body = f"You were invited to the workspace {name} on Carmic as {data.role}.\n\n{what}:\n\n"
        mail.write(connection, invitation.email, f"Invitation to {name}", body + f"{platform.settings.public_url}\n")
    task = BackgroundTask(sync_to_thread, mail.send_waiting, platform.database, platform.settings)
    return Response(Data(invitation), status_code=201, background=task)


@get("/v1/{workspace_id:uuid}/members", access=Access.OWNER, sync_to_thread=True, tags=["Profile and workspaces"])
def team(platform: ThePlatform, caller: TheCaller, workspace_id: Id) -> Data[Team]:
    """The workspace's members, and the invitations that wait."""
    with platform.database.read() as connection:
        waiting = accounts.waiting_invitations(connection, caller.workspace)
        return Data(Team(accounts.team(connection, caller.workspace), waiting))


@patch(
    "/v1/{workspace_id:uuid}/members/{user_id:uuid}",
    access=Access.OWNER,
    sync_to_thread=True,
    tags=["Profile and workspaces"],
)
def change_role(
    platform: ThePlatform,
    caller: TheCaller,
    workspace_id: Id,
    user_id: Id,
    data: JSONBody[RoleIn],
) -> Data[accounts.Member]:
    """Make a member OWNER or EDITOR. The last OWNER cannot step down."""
    with platform.database.write() as connection:
        if not accounts.set_role(connection, caller.workspace, str(user_id), data.role):
            raise ApiError(404, "There is no such member in this workspace.")
        member = next(m for m in accounts.team(connection, caller.workspace) if m.user_id == str(user_id))
    return Data(member)


@delete(
    "/v1/{workspace_id:uuid}/members/{user_id:uuid}",
    access=Access.OWNER,
    status_code=200,
    sync_to_thread=True,
    tags=["Profile and workspaces"],
)
def remove_member(
    platform: ThePlatform,
    caller: TheCaller,
    workspace_id: Id,
    user_id: Id,
) -> Data[Ok]:
    """Remove a member. The last OWNER cannot leave."""
    with platform.database.write() as connection:
        if not accounts.remove_member(connection, caller.workspace, str(user_id)):
            raise ApiError(404, "There is no such member in this workspace.")
    return Data(Ok())


@delete(
    "/v1/{workspace_id:uuid}/invitations/{invitation_id:uuid}",
    access=Access.OWNER,
    status_code=200,
    sync_to_thread=True,
    tags=["Profile and workspaces"],
)
def withdraw_invitation(
    platform: ThePlatform,
    caller: TheCaller,
    workspace_id: Id,
    invitation_id: Id,
) -> Data[Ok]:
    """Take an invitation back that nobody has accepted."""
    with platform.database.write() as connection:
        if not accounts.withdraw_invitation(connection, caller.workspace, str(invitation_id)):
            raise ApiError(404, "There is no such invitation in this workspace.")
    return Data(Ok())


def _me(platform: Platform, caller: Caller) -> MeOut:
    with platform.database.read() as connection:
        user = accounts.user(connection, caller.user_id) if caller.user_id else None
        if user is None:
            raise ApiError(403, "Whoever made this API key is gone; log in instead.")
        found = accounts.memberships(connection, user.id)
    if caller.key_id:
        found = [membership for membership in found if membership.id == caller.workspace_id]
    return MeOut(user.id, user.email, user.first_name, user.last_name, user.avatar_url, found)


ROUTES = [me, change_me, invite, team, change_role, remove_member, withdraw_invitation]
