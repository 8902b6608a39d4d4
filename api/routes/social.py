"""/v1/social: connects accounts of social platforms by OAuth 2 (authorization code with PKCE), through Authlib.

The server stores nothing between `connect` and `callback`: the `state` that the browser passes on is encrypted,
names the workspace and contains the PKCE verifier. It is valid for ten minutes.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import msgspec
from cryptography.fernet import InvalidToken
from litestar import delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Ok, Page, unpaginated
from api.errors import ApiError, not_found, unconfigured
from api.idempotency import record_response
from api.request_fields import Token, Url
from resources import social
from resources.settings import Settings
from resources.signing_keys import Cipher
from resources.social import CIPHER_PURPOSE, SocialAccount

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

SOCIAL: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Social accounts"]}
STATE_LIFETIME_S = 600  # between `connect` and `callback`
STATE_PURPOSE = "oauth-state"
TIMEOUT_S = 15  # for a request to a platform


class Provider(msgspec.Struct, frozen=True):
    """The OAuth endpoints of a platform. `settings_group` is its name in the settings."""

    settings_group: str
    authorize_url: str
    token_url: str
    profile_url: str
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


class ConnectRequest(msgspec.Struct):
    """The URL to which the platform redirects the browser. It must be registered with the platform."""

    redirect_uri: Annotated[
        Url | None,
        Meta(description="Where the platform sends the browser back. It must be registered with the platform."),
    ] = None


class Consent(msgspec.Struct):
    """The consent page. Send the browser to `authorization_url`; the platform redirects it with `code` and `state`."""

    authorization_url: Annotated[
        str,
        Meta(
            description="The platform's page of consent. Send the browser there.",
            examples=["https://accounts.example.com/oauth?state=eyJ0"],
        ),
    ]
    state: Annotated[
        str,
        Meta(
            description="Ties the answer to this request; send it to `callback`, within ten minutes.", examples=["eyJ0"]
        ),
    ]


class CallbackRequest(msgspec.Struct):
    """The query parameters with which the browser was redirected."""

    code: Annotated[Token, Meta(description="Code that the browser has returned with.")]
    state: Annotated[
        str,
        Meta(min_length=1, max_length=8192, description="State that the browser has returned with.", examples=["eyJ0"]),
    ]


class ToggleRequest(msgspec.Struct):
    """Whether the account is enabled."""

    enabled: Annotated[bool, Meta(description="Whether the account is to be used.")]


@get("/v1/social/accounts", **SOCIAL)
def list_social_accounts(platform: PlatformDep, caller: CallerDep) -> Page[SocialAccount]:
    """List the workspace's connected accounts."""
    with platform.database.read() as connection:
        return unpaginated(social.list_accounts(connection, caller.workspace))


@post("/v1/social/connect/{name:str}", status_code=200, **SOCIAL)
def connect_social_account(
    platform: PlatformDep, caller: CallerDep, name: FromPath[str], data: JSONBody[ConnectRequest | None] = None
) -> Data[Consent]:
    """Begin to connect an account. Returns the URL of the platform's consent page."""
    provider = _get_provider(name)
    settings = platform.settings
    requested_uri = data.redirect_uri if data is not None else None
    redirect_uri = requested_uri or f"{settings.public_url}/social/callback/{name}"
    verifier = secrets.token_urlsafe(48)
    state = Cipher(settings, STATE_PURPOSE).seal(
        {"workspace": caller.workspace, "platform": name, "verifier": verifier, "redirect_uri": redirect_uri}
    )
    with _open_client(settings, provider, redirect_uri) as client:
        url, _ = client.create_authorization_url(
            _replace_host(settings, provider.authorize_url),
            state=state,
            code_verifier=verifier,
            **_get_offline_params(name),
        )
    return Data(Consent(url, state))


@post("/v1/social/callback/{name:str}", idempotent=True, error_statuses=(502,), **SOCIAL)
def complete_social_connection(
    platform: PlatformDep, caller: CallerDep, name: FromPath[str], data: JSONBody[CallbackRequest]
) -> Data[SocialAccount]:
    """Connect the account: exchange the `code` for tokens."""
    provider = _get_provider(name)
    settings = platform.settings
    _get_client_credentials(settings, provider)
    try:
        state = Cipher(settings, STATE_PURPOSE).unseal(data.state, STATE_LIFETIME_S)
    except InvalidToken:
        raise ApiError(400, "`state` is not valid, or is older than ten minutes. Connect the account again.") from None
    if (state["workspace"], state["platform"]) != (caller.workspace, name):
        raise ApiError(403, "`state` belongs to another workspace or platform. Connect the account again.")
    token = _exchange_code(settings, provider, state["redirect_uri"], data.code, state["verifier"])
    account_id, account_name = _fetch_profile(settings, provider, token)
    encrypted_tokens = Cipher(settings, CIPHER_PURPOSE).seal(token)
    expires_at = _read_expiry(token)
    with platform.database.write() as connection:
        account = social.connect(
            connection, caller.workspace, name, account_id, account_name, encrypted_tokens, expires_at
        )
        return record_response(connection, Data(account))


@post("/v1/social/refresh/{platform_id:str}", status_code=200, error_statuses=(409, 502), **SOCIAL)
def refresh_social_account(platform: PlatformDep, caller: CallerDep, platform_id: FromPath[str]) -> Data[SocialAccount]:
    """Renew an account's access token now.

    `platform_id` is the id of an account, or the name of a platform, which selects the account that was connected last.
    """
    settings = platform.settings
    account_or_platform = platform_id.lower()
    if account_or_platform in PROVIDERS:
        _get_client_credentials(settings, PROVIDERS[account_or_platform])
    with platform.database.read() as connection:
        accounts = social.list_accounts(connection, caller.workspace)
        matching = [account for account in accounts if account_or_platform in (account.id, account.platform)]
        account = matching[-1] if matching else None
        encrypted_tokens = social.get_encrypted_tokens(connection, caller.workspace, account.id) if account else None
    if account is None or encrypted_tokens is None:
        raise not_found("connected account")
    old_token = Cipher(settings, CIPHER_PURPOSE).unseal(encrypted_tokens)
    if not old_token.get("refresh_token"):
        raise ApiError(409, "The platform issued no refresh token. Disconnect the account and connect it again.")
    token = {**old_token, **_refresh_token(settings, _get_provider(account.platform), old_token["refresh_token"])}
    with platform.database.write() as connection:
        encrypted_tokens = Cipher(settings, CIPHER_PURPOSE).seal(token)
        social.update_tokens(connection, caller.workspace, account.id, encrypted_tokens, _read_expiry(token))
        return Data(social.get(connection, caller.workspace, account.id) or account)


@patch("/v1/social/toggle/{account_id:uuid}", **SOCIAL)
def toggle_social_account(
    platform: PlatformDep, caller: CallerDep, account_id: PathId, data: JSONBody[ToggleRequest | None] = None
) -> Data[SocialAccount]:
    """Enable or disable an account without disconnecting it. Without a body, the current state is inverted."""
    with platform.database.write() as connection:
        account = social.get(connection, caller.workspace, str(account_id))
        if account is None:
            raise not_found("connected account")
        enabled = not account.enabled if data is None else data.enabled
        social.set_enabled(connection, caller.workspace, account.id, enabled)
        return Data(social.get(connection, caller.workspace, account.id) or account)


@delete("/v1/social/disconnect/{account_id:uuid}", status_code=200, **SOCIAL)
def disconnect_social_account(platform: PlatformDep, caller: CallerDep, account_id: PathId) -> Data[Ok]:
    """Delete an account and its tokens."""
    with platform.database.write() as connection:
        if not social.remove(connection, caller.workspace, str(account_id)):
            raise not_found("connected account")
    return Data(Ok())


def _get_provider(name: str) -> Provider:
    if name not in PROVIDERS:
        raise ApiError(400, f"The platform in the path must be one of {', '.join(PROVIDERS)}.")
    return PROVIDERS[name]


def _replace_host(settings: Settings, url: str) -> str:
    """Return the URL, with its host replaced by `CARMIC_OAUTH_BASE_URL` if that is set (a proxy, or a test)."""
    if not settings.oauth_base_url:
        return url
    return settings.oauth_base_url.rstrip("/") + "/" + url.split("/", 3)[3]


def _get_client_credentials(settings: Settings, provider: Provider) -> tuple[str, str]:
    """Return this installation's client id and secret. Raises ApiError 503 if they are not configured."""
    client_id = getattr(settings, f"{provider.settings_group}_client_id")
    client_secret = getattr(settings, f"{provider.settings_group}_client_secret")
    if not client_id or not client_secret:
        prefix = f"CARMIC_{provider.settings_group.upper()}"
        raise unconfigured(f"{prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET")
    return client_id, client_secret


def _open_client(settings: Settings, provider: Provider, redirect_uri: str | None) -> OAuth2Client:
    from authlib.integrations.httpx_client import OAuth2Client  # noqa: PLC0415 - takes a second to import

    client_id, client_secret = _get_client_credentials(settings, provider)
    return OAuth2Client(
        client_id,
        client_secret,
        scope=provider.scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method, not a secret
        timeout=TIMEOUT_S,
    )


def _get_offline_params(name: str) -> dict[str, str]:
    """Return the parameters without which Google issues no refresh token."""
    return {"access_type": "offline", "prompt": "consent"} if name == "youtube" else {}


def _exchange_code(
    settings: Settings, provider: Provider, redirect_uri: str, code: str, verifier: str
) -> dict[str, Any]:
    with _open_client(settings, provider, redirect_uri) as client:
        try:
            return dict(
                client.fetch_token(_replace_host(settings, provider.token_url), code=code, code_verifier=verifier)
            )
        except Exception as error:
            raise ApiError(502, "The platform did not accept `code`. Connect the account again.") from error


def _refresh_token(settings: Settings, provider: Provider, refresh_token: str) -> dict[str, Any]:
    with _open_client(settings, provider, None) as client:
        try:
            token_url = _replace_host(settings, provider.token_url)
            return dict(client.refresh_token(token_url, refresh_token=refresh_token))
        except Exception as error:
            sentence = "The platform did not renew the token. Try again, or connect the account again."
            raise ApiError(502, sentence) from error


def _fetch_profile(settings: Settings, provider: Provider, token: dict[str, Any]) -> tuple[str, str]:
    """Return the account's id and name at the platform."""
    try:
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        response = httpx.get(_replace_host(settings, provider.profile_url), headers=headers, timeout=TIMEOUT_S)
        response.raise_for_status()
        profile = response.json()
        if "items" in profile:  # YouTube lists channels
            profile = {"id": profile["items"][0]["id"], "name": profile["items"][0]["snippet"]["title"]}
        return str(profile["id"]), str(profile.get("name", ""))
    except (httpx.HTTPError, ValueError, KeyError, IndexError) as error:
        raise ApiError(502, "The platform did not return the account's profile. Connect the account again.") from error


def _read_expiry(token: dict[str, Any]) -> datetime | None:
    expires_at = token.get("expires_at")
    return None if expires_at is None else datetime.fromtimestamp(float(expires_at), UTC)


ROUTES: list[HTTPRouteHandler] = [
    list_social_accounts,
    connect_social_account,
    complete_social_connection,
    refresh_social_account,
    toggle_social_account,
    disconnect_social_account,
]
