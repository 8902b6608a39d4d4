"""/v1/stock-*: stock footage from Pexels, where a key is configured: cached, limited, and attributed as Pexels asks."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated, Any, Literal

import httpx
import msgspec
from litestar import get
from litestar.params import QueryParameter

from api.access import Access
from api.dependencies import ThePlatform
from api.envelope import Data, Page, whole
from api.errors import ApiError, unconfigured
from api.rate_limits import STOCK
from resources import cache
from resources.platform import Platform

CACHED = timedelta(hours=6)
TAGS = ["B-roll and stock"]
Words = Annotated[str, QueryParameter(name="q", min_length=1, max_length=200, description="What it should show.")]
PerPage = Annotated[int, QueryParameter(ge=1, le=80, description="How many.")]
Kind = Annotated[Literal["all", "video", "image"], QueryParameter(name="type", description="Videos, images or both.")]


class StockItem(msgspec.Struct):
    """`id` is for `b_roll[].sourceId`, `url` for `b_roll[].videoUrl`. Show `attribution` where the item is shown."""

    id: str
    type: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    duration: float | None
    page_url: str
    attribution: str
    attribution_url: str


@get("/v1/stock-videos", access=Access.PUBLIC, limit=STOCK, refuses=(502,), sync_to_thread=True, tags=TAGS)
def videos(platform: ThePlatform, words: Words, per_page: PerPage = 15) -> Page[StockItem]:
    """Stock videos."""
    return whole(_videos(platform, words, per_page))


@get("/v1/stock-search", access=Access.PUBLIC, limit=STOCK, refuses=(502,), sync_to_thread=True, tags=TAGS)
def search(platform: ThePlatform, words: Words, kind: Kind = "all", per_page: PerPage = 15) -> Page[StockItem]:
    """Stock videos and images, videos first."""
    found = [] if kind == "image" else _videos(platform, words, per_page)
    return whole(found + ([] if kind == "video" else _images(platform, words, per_page)))


@get("/v1/stock-videos-pexels", access=Access.PUBLIC, limit=STOCK, refuses=(502,), sync_to_thread=True, tags=TAGS)
def passthrough(platform: ThePlatform, words: Words, per_page: PerPage = 15) -> Data[dict[str, Any]]:
    """What Pexels answers, as it is."""
    return Data(_pexels(platform, "/videos/search", words, per_page))


def _videos(platform: Platform, words: str, per_page: int) -> list[StockItem]:
    found = []
    for video in _pexels(platform, "/videos/search", words, per_page).get("videos", ()):
        files = [f for f in video.get("video_files", ()) if f.get("link") and (f.get("height") or 0) <= 1920]
        best = max(files, key=lambda f: (f.get("width") or 0) * (f.get("height") or 0), default=None)
        if best is not None:
            author = video.get("user") or {}
            found.append(
                StockItem(
                    f"pexels:{video['id']}",
                    "video",
                    best["link"],
                    video.get("image", ""),
                    video.get("width", 0),
                    video.get("height", 0),
                    video.get("duration"),
                    video.get("url", ""),
                    f"Video by {author.get('name', 'somebody')} on Pexels",
                    author.get("url", "https://www.pexels.com"),
                )
            )
    return found


def _images(platform: Platform, words: str, per_page: int) -> list[StockItem]:
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
            photo.get("photographer_url", "https://www.pexels.com"),
        )
        for photo in _pexels(platform, "/v1/search", words, per_page).get("photos", ())
    ]


def _pexels(platform: Platform, path: str, query: str, per_page: int) -> dict[str, Any]:
    """Pexels' answer, from the cache where it was asked for in the last hours."""
    settings = platform.settings
    if not settings.pexels_api_key:
        raise unconfigured("CARMIC_PEXELS_API_KEY")
    wanted = f"{path}?{query.strip().lower()}&{per_page}"
    key = f"pexels:{hashlib.sha256(wanted.encode()).hexdigest()}"
    with platform.database.read() as connection:
        known = cache.get(connection, key)
    if known is not None:
        return msgspec.json.decode(known)
    try:
        answer = httpx.get(
            settings.pexels_url.rstrip("/") + path,
            params={"query": query.strip(), "per_page": per_page},
            headers={"Authorization": settings.pexels_api_key},
            timeout=10,
        )
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ApiError(502, "Pexels did not answer as it should. Try again in a minute.") from error
    with platform.database.write() as connection:
        cache.put(connection, key, answer.text, CACHED)
    return found


ROUTES: list[Any] = [videos, search, passthrough]
