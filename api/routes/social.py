"""/v1/social: connecting accounts of platforms by OAuth 2 (authorization code with PKCE), through Authlib.

Nothing is kept between `connect` and `callback`: the state that travels through the browser is sealed, says whose it is
and carries the PKCE verifier, and is good for ten minutes.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import httpx
import msgspec
from cryptography.fernet import InvalidToken
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import Id, TheCaller, ThePlatform
from api.envelope import Data, Ok, Page, whole
from api.errors import ApiError, not_found, unconfigured
from api.request_fields import Token, Url
from resources import social
from resources.settings import Settings
from resources.social import Account, Vault

TAGS = ["Social accounts"]
STATE_LIFE_S = 600
Name = Literal["youtube", "facebook", "instagram"]


class Provider(msgspec.Struct, frozen=True):
    """Where a platform does OAuth, and where it tells who the user is. `group` is the settings' name for it."""

    group: str
    authorize: str
    token: str
    profile: str
    scope: str


PROVIDERS = {
    "youtube": Provider(
        "youtube",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/youtube/v3/channels?part=snippet&mine=true",
        "https://www.googleapis.com/auth/youtube.upload https://www.googleapis.com/auth/youtube.readonly",
    ),
    "facebook": Provider(
        "meta",
        "https://www.facebook.com/v23.0/dialog/oauth",
        "https://graph.facebook.com/v23.0/oauth/access_token",
        "https://graph.facebook.com/v23.0/me?fields=id,name",
        "pages_show_list,pages_manage_posts,publish_video",
    ),
    "instagram": Provider(
        "meta",
        "https://www.facebook.com/v23.0/dialog/oauth",
        "https://graph.facebook.com/v23.0/oauth/access_token",
        "https://graph.facebook.com/v23.0/me?fields=id,name",
        "instagram_basic,instagram_content_publish,pages_show_list",
    ),
}


class ConnectIn(msgspec.Struct):
    """`redirect_uri` is where the platform sends the browser back; it must be registered with the platform."""

    redirect_uri: Url | None = None


class Consent(msgspec.Struct):
    """Send the browser to `authorization_url`; it comes back with `code` and `state`."""

    authorization_url: str
    state: str


class CallbackIn(msgspec.Struct):
    code: Token
    state: Annotated[str, Meta(min_length=1, max_length=8192)]


class ToggleIn(msgspec.Struct):
    enabled: bool


@get("/v1/social/accounts", access=Access.EDITOR, sync_to_thread=True, tags=TAGS)
def listing(platform: ThePlatform, caller: TheCaller) -> Page[Account]:
    """The workspace's connected accounts."""
    with platform.database.read() as connection:
        return whole(social.listing(connection, caller.workspace))


@post("/v1/social/connect/{name:str}", access=Access.EDITOR, status_code=200, sync_to_thread=True, tags=TAGS)
def connect(
    platform: ThePlatform, caller: TheCaller, name: FromPath[str], data: JSONBody[ConnectIn | None] = None
) -> Data[Consent]:
    """Begin to connect an account: the address of the platform's consent page."""
    provider = _provider(name)
    wanted = data.redirect_uri if data is not None else None
    redirect_uri = wanted or f"{platform.settings.public_url}/social/callback/{name}"
    verifier = secrets.token_urlsafe(48)
    state = Vault(platform.settings.secret_key, "oauth-state").seal(
        {"workspace": caller.workspace, "platform": name, "verifier": verifier, "redirect_uri": redirect_uri}
    )
    with _client(platform.settings, provider, redirect_uri) as client:
        url, _ = client.create_authorization_url(
            _at(platform.settings, provider.authorize), state=state, code_verifier=verifier, **_offline(name)
        )
    return Data(Consent(url, state))


@post(
    "/v1/social/callback/{name:str}",
    access=Access.EDITOR,
    idempotent=True,
    refuses=(502,),
    sync_to_thread=True,
    tags=TAGS,
)
def callback(
    platform: ThePlatform, caller: TheCaller, name: FromPath[str], data: JSONBody[CallbackIn]
) -> Data[Account]:
    """Finish connecting: exchange the `code` that came back with the browser."""
    provider = _provider(name)
    _identity(platform.settings, provider)
    try:
        state = Vault(platform.settings.secret_key, "oauth-state").open(data.state, STATE_LIFE_S)
    except InvalidToken:
        raise ApiError(400, "`state` is not ours or is older than ten minutes. Begin to connect again.") from None
    if (state["workspace"], state["platform"]) != (caller.workspace, name):
        raise ApiError(403, "`state` belongs to another workspace or platform.")
    token = _exchange(platform.settings, provider, state["redirect_uri"], data.code, state["verifier"])
    profile = _profile(platform.settings, provider, token)
    sealed = Vault(platform.settings.secret_key).seal(token)
    with platform.database.write() as connection:
        return Data(social.connect(connection, caller.workspace, name, profile[0], profile[1], sealed, _expiry(token)))


@post(
    "/v1/social/refresh/{platform_id:str}",
    access=Access.EDITOR,
    status_code=200,
    refuses=(409, 502),
    sync_to_thread=True,
    tags=TAGS,
)
def refresh(platform: ThePlatform, caller: TheCaller, platform_id: FromPath[str]) -> Data[Account]:
    """Get a fresh access token of the platform now.

    `platform_id` is an account's id, or a platform's name: then the account that was connected last.
    """
    if platform_id.lower() in PROVIDERS:
        _identity(platform.settings, PROVIDERS[platform_id.lower()])
    with platform.database.read() as connection:
        connected = social.listing(connection, caller.workspace)
        meant = [account for account in connected if platform_id.lower() in (account.id, account.platform)]
        if not meant:
            raise not_found("connected account")
        account = meant[-1]
        sealed = social.tokens(connection, caller.workspace, account.id)
    assert sealed is not None
    old = Vault(platform.settings.secret_key).open(sealed)
    if not old.get("refresh_token"):
        raise ApiError(409, "The platform gave no refresh token. Disconnect the account and connect it again.")
    provider = _provider(account.platform)
    with _client(platform.settings, provider, None) as client:
        try:
            new = client.refresh_token(_at(platform.settings, provider.token), refresh_token=old["refresh_token"])
        except Exception as error:
            sentence = "The platform did not renew the token. Try again, or connect the account again."
            raise ApiError(502, sentence) from error
    token = {**old, **dict(new)}
    with platform.database.write() as connection:
        resealed = Vault(platform.settings.secret_key).seal(token)
        social.renew(connection, caller.workspace, account.id, resealed, _expiry(token))
        return Data(social.get(connection, caller.workspace, account.id) or account)


@patch("/v1/social/toggle/{account_id:uuid}", access=Access.EDITOR, sync_to_thread=True, tags=TAGS)
def toggle(
    platform: ThePlatform, caller: TheCaller, account_id: Id, data: JSONBody[ToggleIn | None] = None
) -> Data[Account]:
    """Enable or disable an account without disconnecting it. Without a body: the other way round."""
    with platform.database.write() as connection:
        account = social.get(connection, caller.workspace, str(account_id))
        if account is None:
            raise not_found("connected account")
        wanted = not account.enabled if data is None else data.enabled
        social.set_enabled(connection, caller.workspace, account.id, wanted)
        return Data(social.get(connection, caller.workspace, account.id) or account)


@delete(
    "/v1/social/disconnect/{account_id:uuid}", access=Access.EDITOR, status_code=200, sync_to_thread=True, tags=TAGS
)
def disconnect(platform: ThePlatform, caller: TheCaller, account_id: Id) -> Data[Ok]:
    """Forget an account and its tokens."""
    with platform.database.write() as connection:
        if not social.remove(connection, caller.workspace, str(account_id)):
            raise not_found("connected account")
    return Data(Ok())


def _provider(name: str) -> Provider:
    if name not in PROVIDERS:
        raise ApiError(400, f"The platform must be one of {', '.join(PROVIDERS)}.")
    return PROVIDERS[name]


def _at(settings: Settings, url: str) -> str:
    """The platform's own address, or the same path below the one base that replaces all (a proxy, a test)."""
    if not settings.oauth_base_url:
        return url
    return settings.oauth_base_url.rstrip("/") + "/" + url.split("/", 3)[3]


def _identity(settings: Settings, provider: Provider) -> tuple[str, str]:
    """This installation's client id and secret at the platform. Raises ApiError 503 where nobody has set them."""
    identity = getattr(settings, f"{provider.group}_client_id")
    secret = getattr(settings, f"{provider.group}_client_secret")
    if not identity or not secret:
        raise unconfigured(
            f"CARMIC_{provider.group.upper()}_CLIENT_ID and CARMIC_{provider.group.upper()}_CLIENT_SECRET"
        )
    return identity, secret


def _client(settings: Settings, provider: Provider, redirect_uri: str | None) -> Any:
    from authlib.integrations.httpx_client import OAuth2Client

    identity, secret = _identity(settings, provider)
    return OAuth2Client(
        identity,
        secret,
        scope=provider.scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post",
        timeout=15,
    )


def _offline(name: str) -> dict[str, str]:
    """Google gives a refresh token only to who asks for it."""
    return {"access_type": "offline", "prompt": "consent"} if name == "youtube" else {}


def _exchange(settings: Settings, provider: Provider, redirect_uri: str, code: str, verifier: str) -> dict[str, Any]:
    with _client(settings, provider, redirect_uri) as client:
        try:
            return dict(client.fetch_token(_at(settings, provider.token), code=code, code_verifier=verifier))
        except Exception as error:
            raise ApiError(502, "The platform did not accept the code. Begin to connect again.") from error


def _profile(settings: Settings, provider: Provider, token: dict[str, Any]) -> tuple[str, str]:
    """The account's id and name at the platform."""
    try:
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        answer = httpx.get(_at(settings, provider.profile), headers=bearer, timeout=15)
        answer.raise_for_status()
        found = answer.json()
        if "items" in found:
            found = {"id": found["items"][0]["id"], "name": found["items"][0]["snippet"]["title"]}
        return str(found["id"]), str(found.get("name", ""))
    except (httpx.HTTPError, ValueError, KeyError, IndexError) as error:
        raise ApiError(502, "The platform did not say whose account this is. Begin to connect again.") from error


def _expiry(token: dict[str, Any]) -> datetime | None:
    at = token.get("expires_at")
    return None if at is None else datetime.fromtimestamp(float(at), UTC)


ROUTES: list[Any] = [listing, connect, callback, refresh, toggle, disconnect]
