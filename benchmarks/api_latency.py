"""Measures the latency of GET /projects and GET /clips/{id} at 100 requests per second with 10,000 projects on SQLite.

    python -m benchmarks.api_latency [--seconds 30] [--rate 100]

Starts a server in a temporary home and fills its database. Prints the percentiles of the time to the complete response
and the server's CPU time a request.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
from sqlalchemy import insert

from api_server import Member, run_server
from api_talk import create_analysed_project
from benchmarks.harness import create_parser, format_percentiles, print_line
from resources.database.engine import now
from resources.database.tables import projects
from resources.projects import build_search_text

WARM_UP_RATE, WARM_UP_S = 20, 2


def fill_database(member: Member, count: int) -> None:
    """Insert the projects of a year of use; nine in ten are completed."""
    created_at = now()
    rows = [
        {
            "id": str(uuid.uuid4()),
            "workspace_id": member.workspace_id,
            "title": f"Episode {n}",
            "filename": f"episode-{n}.mp4",
            "search_text": build_search_text(f"Episode {n}", f"episode-{n}.mp4"),
            "filesize": 10**9,
            "content_type": "video/mp4",
            "object_key": f"workspaces/{member.workspace_id}/projects/{n}/source/video.mp4",
            "status": "COMPLETED" if n % 10 else "CANCELLED",
            "progress": 100,
            "current_step": "Done",
            "created_at": created_at - timedelta(minutes=n),
            "updated_at": created_at,
        }
        for n in range(count)
    ]
    with member.server.database.write() as connection:
        connection.execute(insert(projects), rows)


async def send_requests(client: httpx.AsyncClient, path: str, rate: float, seconds: float) -> list[float]:
    """Send requests at a fixed rate and return their times in seconds.

    Open loop: a request is sent on time even when earlier ones have no response yet.
    """
    times_s: list[float] = []

    async def send_request() -> None:
        started_s = time.perf_counter()
        response = await client.get(path)
        times_s.append(time.perf_counter() - started_s)
        assert response.status_code == 200, response.text[:300]

    loop = asyncio.get_running_loop()
    start_s, tasks = loop.time(), []
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start_s + n / rate - loop.time()))
        tasks.append(asyncio.create_task(send_request()))
    await asyncio.gather(*tasks)
    return times_s


async def print_latencies(member: Member, clip_id: str, rate: float, seconds: float) -> None:
    """Print one line per path."""
    process = psutil.Process(member.server.process.pid)

    def server_cpu_s() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    async with httpx.AsyncClient(base_url=member.server.base, headers=member.headers, timeout=30) as client:
        for path in (
            "/v1/projects?limit=20",
            f"/v1/clips/{clip_id}",
            "/v1/projects?limit=20&search=episode%20777",  # matches a few projects
            "/v1/projects?limit=20&search=episode",  # matches all projects
        ):
            await send_requests(client, path, WARM_UP_RATE, WARM_UP_S)
            cpu_before_s = server_cpu_s()
            times_s = await send_requests(client, path, rate, seconds)
            cpu_ms = (server_cpu_s() - cpu_before_s) / len(times_s) * 1000
            name = path.replace(clip_id, "{id}")
            print_line(f"{name:45} {format_percentiles(times_s)}   CPU {cpu_ms:4.1f} ms")


def main() -> None:
    """Start a server and measure it."""
    parser = create_parser("api_latency", __doc__)
    parser.add_argument("--seconds", type=float, default=30, help="per path")
    parser.add_argument("--rate", type=float, default=100, help="requests per second")
    parser.add_argument("--projects", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, run_server(Path(folder)) as server:
        member = server.create_member("ENTERPRISE")
        fill_database(member, arguments.projects)
        clip = create_analysed_project(member)[1]
        asyncio.run(print_latencies(member, clip.id, arguments.rate, arguments.seconds))


if __name__ == "__main__":
    main()
