"""Checks URLs from clients before the server connects to them."""

from __future__ import annotations

from api.errors import ApiError
from resources.outbound import AddressRefusedError, OutboundPolicy
from resources.settings import Settings


def check_outbound_url(settings: Settings, url: str, place: str) -> None:
    """Check that the server may connect to a URL. `place` names the field that holds it, such as "`url`".

    Raises:
        ApiError: 400, naming the field.
    """
    try:
        OutboundPolicy(settings.outbound_allow).check_url(url)
    except AddressRefusedError as error:
        raise ApiError(400, f"{place} cannot be used. {error}") from error
