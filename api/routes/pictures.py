"""/v1/pictures: pictures of materializations, linked from the Dagster UI."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from api.access import Access
from api.dependencies import PlatformDep
from api.errors import ApiError
from resources.picture_links import read_picture_key

MAX_AGE_S = 300  # a later materialization replaces the picture under the same URL


Token = Annotated[str, QueryParameter(description="Names the picture; part of the link in the Dagster UI.")]


@get(
    "/v1/pictures",
    access=Access.SIGNED,
    media_type="image/jpeg",
    sync_to_thread=True,
    error_statuses=(404,),
    tags=["System"],
)
def get_picture(platform: PlatformDep, token: Token = "") -> Response[bytes]:
    """Return the JPEG of a materialization that `token` names. The Dagster UI shows links with such tokens."""
    key = read_picture_key(platform.settings, token)
    if key is None:
        raise ApiError(401, "`token` is not valid. Materialize the asset again for a new link.")
    try:
        data = platform.store.get_bytes(key)
    except KeyError:
        raise ApiError(404, "This picture was deleted with its project.") from None
    headers = {"Cache-Control": f"private, max-age={MAX_AGE_S}"}
    return Response(data, media_type="image/jpeg", headers=headers)


ROUTES: list[HTTPRouteHandler] = [get_picture]
