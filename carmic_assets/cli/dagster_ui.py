"""Serves the Dagster UI behind `UiGuard`: `python -m carmic_assets.cli.dagster_ui --host H --port P`."""

from __future__ import annotations

import argparse

import uvicorn
from dagster_webserver.app import create_app_from_workspace_process_context

from carmic_assets.cli.ui_access import UiGuard
from resources.platform import open_platform
from resources.run_submission import Submitter

LIVE_DATA_INTERVAL_MS = 2000  # interval at which the UI polls for changes
# Database settings of the UI's queries, equal to Dagster's defaults.
STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, POOL_MAX_OVERFLOW = 15_000, 3600, 20


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    platform = open_platform()
    context = Submitter(platform).connect()
    context.instance.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, POOL_MAX_OVERFLOW)
    app = create_app_from_workspace_process_context(context, "", LIVE_DATA_INTERVAL_MS)
    guard = UiGuard(app, platform.settings.home, arguments.host, arguments.port)
    uvicorn.run(guard, host=arguments.host, port=arguments.port, log_level="warning", proxy_headers=False)


if __name__ == "__main__":
    main()
