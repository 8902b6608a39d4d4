"""How quick the API answers: GET /projects and GET /clips/{id} at 100 requests a second, 10,000 projects, SQLite.

    python -m benchmarks.api_latency [--seconds 30] [--rate 100]

Starts a server in a temporary home, fills it, and prints the percentiles of the time to the whole answer, and what a
request cost the server in CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from sqlalchemy import insert

from api_server import Member, running
from api_talk import analysed
from resources.database.engine import now
from resources.database.tables import projects
from resources.projects import search_text


def fill(member: Member, count: int) -> None:
    """Projects as they are after a year of use: most of them done."""
    made = now()
    rows = [
        {
            "id": str(uuid.uuid4()),
            "workspace_id": member.workspace_id,
            "title": f"Episode {n}",
            "filename": f"episode-{n}.mp4",
            "search_text": search_text(f"Episode {n}", f"episode-{n}.mp4"),
            "filesize": 10**9,
            "content_type": "video/mp4",
            "object_key": f"workspaces/{member.workspace_id}/projects/{n}/source/video.mp4",
            "status": "COMPLETED" if n % 10 else "CANCELLED",
            "progress": 100,
            "current_step": "Done",
            "created_at": made - timedelta(minutes=n),
            "updated_at": made,
        }
        for n in range(count)
    ]
    with member.server.database.write() as connection:
        connection.execute(insert(projects), rows)


async def hit(client: httpx.AsyncClient, path: str, rate: float, seconds: float) -> list[float]:
    """Open loop: requests leave on time whether or not earlier ones have been answered."""
    times: list[float] = []

    async def one() -> None:
        began = time.perf_counter()
        answer = await client.get(path)
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text[:300]

    loop = asyncio.get_running_loop()
    start, tasks = loop.time(), []
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + n / rate - loop.time()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    return sorted(times)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--projects", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        member = server.member("ENTERPRISE")
        fill(member, given.projects)
        clip = analysed(member)[1]
        process = psutil.Process(server.process.pid)

        def spent_s() -> float:
            told = process.cpu_times()
            return told.user + told.system

        async def measure() -> None:
            async with httpx.AsyncClient(base_url=server.base, headers=member.headers, timeout=30) as client:
                for path in (
                    "/v1/projects?limit=20",
                    f"/v1/clips/{clip.id}",
                    "/v1/projects?limit=20&search=episode%20777",  # a few of them
                    "/v1/projects?limit=20&search=episode",  # all of them
                ):
                    await hit(client, path, 20, 2)
                    before_s = spent_s()
                    times = await hit(client, path, given.rate, given.seconds)
                    cpu_ms = (spent_s() - before_s) / len(times) * 1000
                    p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
                    name = path.replace(clip.id, "{id}")
                    told = (
                        f"p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   max {times[-1] * 1000:6.1f} ms   CPU {cpu_ms:4.1f} ms"
                    )
                    say(f"{name:45} {told}")

        asyncio.run(measure())


if __name__ == "__main__":
    main()
