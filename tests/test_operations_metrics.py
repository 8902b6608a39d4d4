"""What operators read from the API: metrics with their alert rules, and pictures of materializations."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import yaml

from api_server import Server
from resources import run_intents
from resources.picture_links import sign_picture_url
from resources.signing_keys import sign_token

ALERTS = Path(__file__).parents[1] / "deploy" / "prometheus-alerts.yml"
# Written only once Dagster's daemon has run
NEEDS_A_DAEMON = {"carmic_daemon_silence_seconds"}


def test_every_metric_of_the_alert_rules_is_exported(server: Server) -> None:
    member = server.create_member()
    project = member.create_project()
    with server.database.write() as connection:
        run_id = run_intents.new_run_id()
        run_intents.enqueue(connection, run_id, "ingest_video", member.workspace_id, project.id, project.id)
    text = httpx.get(f"http://127.0.0.1:{server.port}/metrics").text
    with server.database.write() as connection:
        run_intents.set_state(connection, run_id, "CANCELLED")
    exported = set(re.findall(r"^(carmic_\w+)", text, re.MULTILINE))
    rules = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    used = {name for rule in rules for name in re.findall(r"carmic_\w+", rule["expr"])}
    assert used and used - NEEDS_A_DAEMON <= exported
    assert re.search(r'^carmic_oldest_run_seconds\{state="waiting"\} \d', text, re.MULTILINE)
    assert re.search(r'^carmic_projects\{status="PENDING_UPLOAD"\} [1-9]', text, re.MULTILINE)


def test_a_picture_is_shown_to_the_holder_of_its_link_until_it_is_deleted(server: Server) -> None:
    platform = server.platform
    key = "workspaces/w/projects/p/pictures/crops.jpg"
    platform.store.put_bytes(key, b"\xff\xd8\xff", "image/jpeg")
    url = sign_picture_url(platform.settings, key)
    assert url == sign_picture_url(platform.settings, key)
    response = httpx.get(url)
    assert (response.status_code, response.headers["content-type"], response.content) == (
        200,
        "image/jpeg",
        b"\xff\xd8\xff",
    )
    for claims in ({"typ": "source", "key": key}, {"typ": "picture"}):
        forged = sign_token(platform.settings, claims)
        assert httpx.get(f"{server.base}/v1/pictures?token={forged}").status_code == 401
    assert httpx.get(f"{url}x").status_code == 401
    assert httpx.get(f"{server.base}/v1/pictures").status_code == 401
    platform.store.delete(key)
    assert httpx.get(url).status_code == 404
