"""/v1/workspaces: create and rename workspaces, and leave one."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Ok
from api.errors import ApiError, not_found
from api.idempotency import record_response
from api.request_fields import NO_NUL_PATTERN
from resources import accounts

TAGS = ["Profile and workspaces"]
PEOPLE: dict[str, Any] = {"api_keys": False, "sync_to_thread": True, "tags": TAGS}
MAX_OWNED = 50  # each new workspace is granted minutes
WorkspaceName = Annotated[str, Meta(pattern=NO_NUL_PATTERN, min_length=1, max_length=200)]


class WorkspaceRequest(msgspec.Struct):
    """The name of a workspace."""

    name: Annotated[WorkspaceName, Meta(description="Name of the workspace.", examples=["Podcast team"])]


@post("/v1/workspaces", access=Access.USER, idempotent=True, **PEOPLE)
def create_workspace(
    platform: PlatformDep, caller: CallerDep, data: JSONBody[WorkspaceRequest]
) -> Data[accounts.Membership]:
    """Create a workspace that you own. 409 if you own 50."""
    with platform.database.write() as connection:
        owned = [m for m in accounts.list_memberships(connection, caller.user) if m.role == "OWNER"]
        if len(owned) >= MAX_OWNED:
            raise ApiError(409, f"A user owns at most {MAX_OWNED} workspaces. Delete one first.")
        workspace_id = accounts.create_workspace(connection, _clean_name(data), caller.user)
        return record_response(connection, Data(_require_membership(connection, workspace_id, caller.user)))


@patch("/v1/{workspace_id:uuid}", access=Access.OWNER, **PEOPLE)
def rename_workspace(
    platform: PlatformDep, caller: CallerDep, workspace_id: PathId, data: JSONBody[WorkspaceRequest]
) -> Data[accounts.Membership]:
    """Rename the workspace."""
    with platform.database.write() as connection:
        accounts.rename_workspace(connection, caller.workspace, _clean_name(data))
        return Data(_require_membership(connection, caller.workspace, caller.user))


@post("/v1/{workspace_id:uuid}/leave", access=Access.EDITOR, status_code=200, error_statuses=(409,), **PEOPLE)
def leave_workspace(platform: PlatformDep, caller: CallerDep, workspace_id: PathId) -> Data[Ok]:
    """Leave the workspace. Your API keys in it end. 409 for its last OWNER."""
    with platform.database.write() as connection:
        accounts.remove_member(connection, caller.workspace, caller.user)
    return Data(Ok())


def _clean_name(data: WorkspaceRequest) -> str:
    name = " ".join(data.name.split())
    if not name:
        raise ApiError(400, "`name` must not be blank.")
    return name


def _require_membership(connection: Connection, workspace_id: str, user_id: str) -> accounts.Membership:
    membership = accounts.get_membership(connection, workspace_id, user_id)
    if membership is None:
        raise not_found("workspace")
    return membership


ROUTES: list[HTTPRouteHandler] = [create_workspace, rename_workspace, leave_workspace]
