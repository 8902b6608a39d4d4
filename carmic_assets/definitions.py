"""The Dagster code location: all assets, checks, jobs, schedules, sensors and resources.

Only this module imports `sensors`. Assets import heavy libraries inside their functions, because every run loads
this module and loading it must stay cheap.
"""

from __future__ import annotations

import os

import dagster as dg

from carmic_assets.assets.jobs import ASSETS, JOBS, nightly_rescoring
from carmic_assets.assets.platform_resource import PlatformResource
from sensors.sensor_definitions import SENSORS

EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}

defs = dg.Definitions(
    assets=list(ASSETS),
    jobs=list(JOBS),
    schedules=[nightly_rescoring],
    sensors=SENSORS,
    resources={"platform": PlatformResource()},
    executor=EXECUTORS[os.environ.get("CARMIC_EXECUTOR", "").strip() or "in_process"],
)
