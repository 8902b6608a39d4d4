"""/v1/stock-*: stock footage from Pexels, if an API key is configured. Responses are cached and rate-limited."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated, Any, Literal

import httpx
import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Meta

from api.access import Access
from api.dependencies import PlatformDep
from api.envelope import Data, Page, unpaginated
from api.errors import ApiError, unconfigured
from api.rate_limits import STOCK
from resources import cache
from resources.platform import Platform

CACHE_LIFETIME = timedelta(hours=6)
TIMEOUT_S = 10  # for a request to Pexels
MAX_HEIGHT_PX = 1920  # larger files of a video are not listed
PEXELS_HOME = "https://www.pexels.com"
STOCK_SEARCH: dict[str, Any] = {
    "access": Access.PUBLIC,
    "rate_limit": STOCK,
    "error_statuses": (502,),
    "sync_to_thread": True,
    "tags": ["B-roll and stock"],
}
PexelsVideos = Annotated[
    dict[str, Any],
    msgspec.Meta(description="The response of Pexels.", examples=[{"page": 1, "total_results": 8000, "videos": []}]),
]
SearchTerm = Annotated[str, QueryParameter(name="q", min_length=1, max_length=200, description="Search term.")]
PerPage = Annotated[int, QueryParameter(ge=1, le=80, description="Maximum number of results, 1 to 80.")]
StockKind = Annotated[
    Literal["all", "video", "image"], QueryParameter(name="type", description="Videos, images or both.")
]


class StockItem(msgspec.Struct):
    """A search result. Use `id` as `b_roll[].sourceId` and `url` as `b_roll[].videoUrl`.

    Show `attribution` beside it.
    """

    id: Annotated[str, Meta(description="Id of the item at the provider.", examples=["3571264"])]
    type: Annotated[str, Meta(description="Kind of the item: video or image.", examples=["video"])]
    url: Annotated[
        str,
        Meta(
            description="URL of the file.",
            examples=["https://videos.pexels.com/video-files/3571264/3571264-hd.mp4"],
        ),
    ]
    thumbnail_url: Annotated[
        str,
        Meta(description="URL of a thumbnail.", examples=["https://images.pexels.com/videos/3571264/thumb.jpeg"]),
    ]
    width: Annotated[int, Meta(description="Width in pixels.", examples=[1920])]
    height: Annotated[int, Meta(description="Height in pixels.", examples=[1080])]
    duration: Annotated[float | None, Meta(description="Length in seconds; null for an image.", examples=[14])]
    page_url: Annotated[
        str, Meta(description="Page of the item at the provider.", examples=["https://www.pexels.com/video/3571264/"])
    ]
    attribution: Annotated[str, Meta(description="Text to show beside the item.", examples=["Video by Ada on Pexels"])]
    attribution_url: Annotated[
        str, Meta(description="URL that the text links to.", examples=["https://www.pexels.com/@ada"])
    ]


@get("/v1/stock-videos", **STOCK_SEARCH)
def search_stock_videos(platform: PlatformDep, term: SearchTerm, per_page: PerPage = 15) -> Page[StockItem]:
    """Search stock videos."""
    return unpaginated(_search_videos(platform, term, per_page))


@get("/v1/stock-search", **STOCK_SEARCH)
def search_stock_media(
    platform: PlatformDep, term: SearchTerm, kind: StockKind = "all", per_page: PerPage = 15
) -> Page[StockItem]:
    """Search stock videos and images. Videos come first."""
    videos = [] if kind == "image" else _search_videos(platform, term, per_page)
    images = [] if kind == "video" else _search_images(platform, term, per_page)
    return unpaginated(videos + images)


@get("/v1/stock-videos-pexels", **STOCK_SEARCH)
def search_pexels_videos(platform: PlatformDep, term: SearchTerm, per_page: PerPage = 15) -> Data[PexelsVideos]:
    """Search stock videos, and return the response of Pexels unchanged."""
    return Data(_query_pexels(platform, "/videos/search", term, per_page))


def _search_videos(platform: Platform, term: str, per_page: int) -> list[StockItem]:
    items = []
    for video in _query_pexels(platform, "/videos/search", term, per_page).get("videos", ()):
        files = [f for f in video.get("video_files", ()) if f.get("link") and (f.get("height") or 0) <= MAX_HEIGHT_PX]
        largest = max(files, key=lambda f: (f.get("width") or 0) * (f.get("height") or 0), default=None)
        if largest is not None:
            author = video.get("user") or {}
            items.append(
                StockItem(
                    f"pexels:{video['id']}",
                    "video",
                    largest["link"],
                    video.get("image", ""),
                    video.get("width", 0),
                    video.get("height", 0),
                    video.get("duration"),
                    video.get("url", ""),
                    f"Video by {author.get('name', 'somebody')} on Pexels",
                    author.get("url", PEXELS_HOME),
                )
            )
    return items


def _search_images(platform: Platform, term: str, per_page: int) -> list[StockItem]:
    return [
        StockItem(
            f"pexels:{photo['id']}",
            "image",
            photo["src"].get("large2x") or photo["src"]["original"],
            photo["src"].get("medium", ""),
            photo.get("width", 0),
            photo.get("height", 0),
            None,
            photo.get("url", ""),
            f"Photo by {photo.get('photographer', 'somebody')} on Pexels",
            photo.get("photographer_url", PEXELS_HOME),
        )
        for photo in _query_pexels(platform, "/v1/search", term, per_page).get("photos", ())
    ]


def _query_pexels(platform: Platform, path: str, term: str, per_page: int) -> dict[str, Any]:
    """Return Pexels' response, from the cache if it is younger than `CACHE_LIFETIME`."""
    settings = platform.settings
    if not settings.pexels_api_key:
        raise unconfigured("CARMIC_PEXELS_API_KEY")
    request_line = f"{path}?{term.strip().lower()}&{per_page}"
    key = f"pexels:{hashlib.sha256(request_line.encode()).hexdigest()}"
    with platform.database.read() as connection:
        cached_text = cache.get(connection, key)
    if cached_text is not None:
        cached: dict[str, Any] = msgspec.json.decode(cached_text)
        return cached
    try:
        response = httpx.get(
            settings.pexels_url.rstrip("/") + path,
            params={"query": term.strip(), "per_page": per_page},
            headers={"Authorization": settings.pexels_api_key},
            timeout=TIMEOUT_S,
        )
        response.raise_for_status()
        result: dict[str, Any] = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ApiError(502, "Pexels did not return a valid response. Try again in a minute.") from error
    with platform.database.write() as connection:
        cache.put(connection, key, response.text, CACHE_LIFETIME)
    return result


ROUTES: list[HTTPRouteHandler] = [search_stock_videos, search_stock_media, search_pexels_videos]
