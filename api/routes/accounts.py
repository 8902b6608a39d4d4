"""/v1/me, and the members of workspaces."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access, Caller, unauthorized
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Ok
from api.errors import ApiError, not_found
from api.request_fields import Name, Role, Url, list_changes
from resources import accounts, invitations
from resources.field_types import EmailAddress, FirstName, LastName, Timestamp, Uuid
from resources.platform import Platform

TAGS = ["Profile and workspaces"]
PROFILE: dict[str, Any] = {"access": Access.USER, "sync_to_thread": True, "tags": TAGS}
MEMBERS: dict[str, Any] = {**PROFILE, "access": Access.OWNER, "api_keys": False}


class MeOut(msgspec.Struct):
    """A user, and the workspaces that the caller may act in."""

    id: Annotated[Uuid, Meta(description="Id of the user.")]
    email: Annotated[EmailAddress, Meta(description="Email address of the user.")]
    email_verified_at: Annotated[
        Timestamp | None, Meta(description="When the email address was first verified; null before that.")
    ]
    first_name: Annotated[FirstName, Meta(description="First name; may be empty.")]
    last_name: Annotated[LastName, Meta(description="Last name; may be empty.")]
    avatar_url: Annotated[
        str | None,
        Meta(
            description="URL of the user's avatar; null if there is none.",
            examples=["https://example.com/ada.png"],
        ),
    ]
    workspaces: Annotated[
        list[accounts.Membership], Meta(description="The workspaces that the caller may act in, oldest first.")
    ]


class MeRequest(msgspec.Struct):
    """An omitted field is unchanged; `avatar_url: null` removes the image."""

    first_name: Annotated[Name | msgspec.UnsetType, Meta(description="New first name.", examples=["Ada"])] = (
        msgspec.UNSET
    )
    last_name: Annotated[Name | msgspec.UnsetType, Meta(description="New last name.", examples=["Lovelace"])] = (
        msgspec.UNSET
    )
    avatar_url: Annotated[
        Url | msgspec.UnsetType | None, Meta(description="New URL of the user's avatar; null removes it.")
    ] = msgspec.UNSET


class RoleRequest(msgspec.Struct):
    """The new role of a member."""

    role: Annotated[Role, Meta(description="The new role: an OWNER also manages members, keys, webhooks and billing.")]


class Team(msgspec.Struct):
    """The members of a workspace, and its pending `invitations`."""

    members: Annotated[list[accounts.Member], Meta(description="The members of the workspace, oldest first.")]
    invitations: Annotated[
        list[invitations.Invitation], Meta(description="The invitations that have not been accepted yet.")
    ]


@get("/v1/me", **PROFILE)
def get_me(platform: PlatformDep, caller: CallerDep) -> Data[MeOut]:
    """Return your profile and your workspaces. The workspace created at registration comes first.

    With an API key: the profile of the key's creator, and only the key's workspace.
    """
    return Data(_load_me(platform, caller))


@patch("/v1/me", **PROFILE)
def update_me(platform: PlatformDep, caller: CallerDep, data: JSONBody[MeRequest]) -> Data[MeOut]:
    """Change your names or image."""
    with platform.database.write() as connection:
        accounts.update_user(connection, caller.user, **list_changes(data))
    return Data(_load_me(platform, caller))


@get("/v1/{workspace_id:uuid}/members", access=Access.OWNER, sync_to_thread=True, tags=TAGS)
def list_members(platform: PlatformDep, caller: CallerDep, workspace_id: PathId) -> Data[Team]:
    """List the workspace's members and pending invitations."""
    with platform.database.read() as connection:
        pending = invitations.list_pending(connection, caller.workspace)
        return Data(Team(accounts.list_members(connection, caller.workspace), pending))


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


@delete(
    "/v1/{workspace_id:uuid}/members/{user_id:uuid}",
    access=Access.EDITOR,
    api_keys=False,
    status_code=200,
    sync_to_thread=True,
    tags=TAGS,
)
def remove_member(platform: PlatformDep, caller: CallerDep, workspace_id: PathId, user_id: PathId) -> Data[Ok]:
    """Remove a member, with their API keys and pending invitations. Any member may leave, except the last OWNER."""
    if caller.role != "OWNER" and str(user_id) != caller.user_id:
        raise ApiError(403, "Only an OWNER may remove another member. Ask an OWNER to do this.")
    with platform.database.write() as connection:
        if not accounts.remove_member(connection, caller.workspace, str(user_id)):
            raise not_found("member")
    return Data(Ok())


def _load_me(platform: Platform, caller: Caller) -> MeOut:
    with platform.database.read() as connection:
        user = accounts.get_user(connection, caller.user)
        if user is None:
            raise unauthorized("This account was deleted.")
        memberships = accounts.list_memberships(connection, user.id)
    if caller.key_id:
        memberships = [membership for membership in memberships if membership.id == caller.workspace_id]
    return MeOut(**msgspec.structs.asdict(user), workspaces=memberships)


ROUTES: list[HTTPRouteHandler] = [
    get_me,
    update_me,
    list_members,
    update_member_role,
    remove_member,
]
