"""Retries steps that failed because the store, the database or the network was unavailable for a moment.

Such a failure is not the video's: the project stays open and the step runs again. Only the last attempt fails the
project. A pause stays below the heartbeat timeout of `sensors.run_reconciliation`, because a waiting run sends no
heartbeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import dagster as dg
from sqlalchemy.exc import InterfaceError, OperationalError

RETRY_PAUSES_S = (2, 10, 30)  # before the second, third and fourth attempt
RETRYABLE_STATUSES = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT)  # and all of 500 and above


def is_transient(error: BaseException | None) -> bool:
    """Return whether the error, or one that it was raised from, may disappear if the step runs again."""
    while error is not None:
        if isinstance(error, BrokenPipeError):  # a child process such as ffmpeg rejected its input
            return False
        if isinstance(error, OperationalError | InterfaceError | ConnectionError | TimeoutError):
            return True
        if _is_transient_of_bucket(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_transient_of_bucket(error: BaseException) -> bool:
    if type(error).__module__.partition(".")[0] not in ("botocore", "urllib3"):  # an installation may use no bucket
        return False
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as BucketConnectionError
    from urllib3.exceptions import HTTPError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status in RETRYABLE_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, HTTPClientError | BucketConnectionError | HTTPError)


def will_retry(context: dg.AssetExecutionContext, error: BaseException) -> bool:
    """Return whether `retry_transient_errors` will run the step again after this error."""
    return context.retry_number < len(RETRY_PAUSES_S) and is_transient(error)


@contextmanager
def retry_transient_errors(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Run the step again, after a pause, if the block raises a transient error and attempts are left.

    Raises:
        dagster.RetryRequested: Dagster then runs the step again.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, dg.Failure) or not will_retry(context, error):
            raise
        pause_s = RETRY_PAUSES_S[context.retry_number]
        context.log.warning(f"The step runs again in {pause_s} s, because this may be temporary: {error}")
        raise dg.RetryRequested(max_retries=len(RETRY_PAUSES_S), seconds_to_wait=pause_s) from error
