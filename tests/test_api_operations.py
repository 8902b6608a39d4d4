"""Lists over a workspace; operations on clips, renders, exports, projects and workspaces beside the editor's."""

from __future__ import annotations

import io
import uuid
import wave

import msgspec
import numpy as np
import pytest

from api_server import Member, Server
from api_talk import END_S, START_S, create_analysed_project
from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips
from resources import artifacts, clips, ledger, projects, renders, run_intents, webhooks
from resources.database import tables


@pytest.fixture
def member(server: Server) -> Member:
    return server.create_member("PROFESSIONAL")


def read_data(member: Member, path: str, **params: object) -> list[dict[str, object]]:
    response = member.call("GET", path, params=params)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def test_clips_are_listed_over_projects_by_cursor(server: Server, member: Member) -> None:
    project, _ = create_analysed_project(member)
    create_analysed_project(member)
    with server.database.write() as connection:
        for score in (87, 40, 87):
            new = clips.NewClip(f"Clip {score}", 1.0, 2.0, score, {}, "", [], [])
            clips.add_chosen(connection, project.id, member.workspace_id, new)
    seen: list[str] = []
    response = member.call("GET", "/v1/clips", params={"limit": 2, "sort": "-virality_score"})
    while True:
        page = response.json()
        seen += [clip["id"] for clip in page["data"]]
        assert page["meta"]["total"] == 5
        if "next" not in response.links:
            break
        path = response.links["next"]["url"].partition("/api")[2]
        response = member.call("GET", path)
        assert response.status_code == 200, response.text
    assert len(seen) == len(set(seen)) == 5
    assert page["meta"]["next_cursor"] is None
    assert read_data(member, "/v1/clips", sort="virality_score")[0]["virality_score"] == 40
    assert {clip["project_id"] for clip in read_data(member, "/v1/clips", project_id=project.id)} == {project.id}
    assert len(read_data(member, "/v1/clips", min_score=80)) == 4
    assert len(read_data(member, "/v1/clips", search="clip 40")) == 1
    assert read_data(member, "/v1/clips", created_after="2099-01-01T00:00:00Z") == []
    assert read_data(member, "/v1/clips", status="RENDERED") == []
    assert read_data(server.create_member(), "/v1/clips") == []
    cursor = member.call("GET", "/v1/clips", params={"limit": 1}).json()["meta"]["next_cursor"]
    for bad in ("nonsense", "WzFd", cursor[:-3], "é"):
        refused = member.call("GET", "/v1/clips", params={"cursor": bad})
        assert refused.status_code == 400 and refused.json()["param"] == "cursor", bad
    assert member.call("GET", "/v1/clips", params={"cursor": cursor, "sort": "virality_score"}).status_code == 400


def test_unknown_query_parameters_are_refused(member: Member) -> None:
    refused = member.call("GET", "/v1/projects", params={"filter": "talk"})
    assert refused.status_code == 400
    assert refused.json()["param"] == "filter" and "status" in refused.json()["error"]
    assert member.call("GET", "/v1/me", params={"x": "1"}).status_code == 400
    assert member.call("GET", "/v1/projects?limit=5&offset=0&search=&status=").status_code == 200
    assert member.call("GET", "/project", params={"x": "1"}).status_code == 200  # the timeline API ignores them


def test_a_clip_is_duplicated_cut_from_a_range_and_deleted(server: Server, member: Member) -> None:
    project, clip = create_analysed_project(member)
    candidate = ScoredClip(30.0, 60.0, "Second", 70, {"hook": 70}, "It is clear.", rejection_reason="It overlaps.")
    scored = ScoredClips("7", (), (candidate,), ((0.0, 10.0), (40.0, 60.0), (50.0, 80.0), (100.0, 90.0)))
    key = artifacts.artifact_key(member.workspace_id, project.id, artifacts.SCORED_CLIPS)
    server.platform.store.put_bytes(key, msgspec.json.encode(scored))
    curve = member.call("GET", f"/v1/projects/{project.id}/score-curve").json()["data"]
    assert curve["runners_up"][0]["rejection_reason"] == "It overlaps." and len(curve["curve"]) == 4
    words = member.call("GET", f"/v1/projects/{project.id}/transcript").json()["data"]["words"]
    assert len(words) == 240 and words[0]["speaker"] == "A"

    body = {"start_time": 30.0, "end_time": 60.0, "title": "The runner-up"}
    created = member.call("POST", f"/v1/projects/{project.id}/clips", json=body)
    assert created.status_code == 201, created.text
    new = created.json()["data"]
    assert (new["start_time"], new["end_time"], new["virality_score"]) == (30.0, 60.0, 70)
    too_long = {"start_time": 30.0, "end_time": 4000.0}
    assert member.call("POST", f"/v1/projects/{project.id}/clips", json=too_long).status_code in (400, 422)

    assert member.call("PATCH", f"/v1/clips/{clip.id}", json={"caption_style": "IMPACT"}).status_code == 200
    copy = member.call("POST", f"/v1/clips/{clip.id}/duplicate", headers={"Idempotency-Key": "copy"}).json()["data"]
    assert (
        copy
        == member.call("POST", f"/v1/clips/{clip.id}/duplicate", headers={"Idempotency-Key": "copy"}).json()["data"]
    )
    full = member.call("GET", f"/v1/clips/{copy['id']}").json()["data"]
    assert (full["start_time"], full["end_time"]) == (START_S, END_S)
    assert full["template_config"]["caption_style"] == "IMPACT"

    stranger = server.create_member()
    assert stranger.call("DELETE", f"/v1/clips/{clip.id}").status_code == 404
    assert member.call("POST", f"/v1/clips/{clip.id}/render").status_code == 202
    with server.database.read() as connection:
        charged = ledger.get_balance_ms(connection, member.workspace_id)
    assert member.call("DELETE", f"/v1/clips/{clip.id}").status_code == 200
    assert member.call("DELETE", f"/v1/clips/{clip.id}").status_code == 404
    with server.database.write() as connection:
        assert ledger.get_balance_ms(connection, member.workspace_id) == charged + 30_000  # refunded
        new_clip = clips.NewClip("Again", START_S, END_S, 90, {}, "", [], [])
        clips.add(connection, project.id, member.workspace_id, [new_clip])  # as a re-scoring does
        listed = {row.id for row in clips.list_for_project(connection, project.id)}
    assert listed == {new["id"], copy["id"]}


def test_the_waveform_shows_where_the_audio_is_loud(server: Server, member: Member) -> None:
    project, _ = create_analysed_project(member)
    assert member.call("GET", f"/v1/projects/{project.id}/waveform").status_code == 409
    seconds = np.arange(2 * 16_000) / 16_000
    samples = np.where(seconds < 1, 0.0, np.sin(seconds * 2 * np.pi * 440) * 16_384).astype(np.int16)
    audio = io.BytesIO()
    with wave.open(audio, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    key = artifacts.artifact_key(member.workspace_id, project.id, artifacts.ANALYSIS_AUDIO)
    server.platform.store.put_bytes(key, audio.getvalue())
    waveform = member.call("GET", f"/v1/projects/{project.id}/waveform", params={"peaks_per_s": 5}).json()["data"]
    assert waveform["peaks"][:5] == [0] * 5 and len(waveform["peaks"]) == 10
    assert all(abs(peak - 127) <= 2 for peak in waveform["peaks"][5:])
    assert member.call("GET", f"/v1/projects/{project.id}/waveform", params={"peaks_per_s": 0}).status_code == 400
    assert server.create_member().call("GET", f"/v1/projects/{project.id}/waveform").status_code == 404


def test_renders_and_exports_are_listed_and_cancelled(server: Server, member: Member) -> None:
    _, clip = create_analysed_project(member)
    assert member.call("GET", "/v1/usage").status_code == 200  # grants the month's minutes
    with server.database.read() as connection:
        before = ledger.get_balance_ms(connection, member.workspace_id)
    render_id = member.call("POST", f"/v1/clips/{clip.id}/render").json()["data"]["render_job_id"]
    body = {"target_format": "premiere"}
    export_id = member.call("POST", f"/v1/clips/{clip.id}/exports", json=body).json()["data"]["export_id"]
    assert [row["id"] for row in read_data(member, "/v1/renders", status="QUEUED")] == [render_id]
    assert [row["id"] for row in read_data(member, "/v1/exports", clip_id=clip.id)] == [export_id]
    stranger = server.create_member()
    assert stranger.call("POST", f"/v1/renders/{render_id}/cancel").status_code == 404
    assert stranger.call("POST", f"/v1/exports/{export_id}/cancel").status_code == 404
    assert member.call("POST", f"/v1/renders/{render_id}/cancel").json()["data"]["status"] == "FAILED_RENDER"
    assert member.call("POST", f"/v1/exports/{export_id}/cancel").json()["data"]["status"] == "FAILED"
    assert member.call("POST", f"/v1/renders/{render_id}/cancel").status_code == 409
    assert member.call("POST", f"/v1/exports/{export_id}/cancel").status_code == 409
    with server.database.read() as connection:
        assert ledger.get_balance_ms(connection, member.workspace_id) == before
        run_id = renders.get(connection, render_id).run_id
        assert run_id not in {intent.run_id for intent in run_intents.list_open(connection, clip.project_id)}
    assert member.call("POST", f"/v1/clips/{clip.id}/retry-render").status_code == 202


def test_several_clips_succeed_or_fail_by_themselves(server: Server, member: Member) -> None:
    _, first = create_analysed_project(member)
    _, second = create_analysed_project(member)
    foreign = str(uuid.uuid4())
    body = {"action": "render", "clip_ids": [first.id, foreign, second.id]}
    results = member.call("POST", "/v1/clips/batch", json=body).json()["data"]
    assert [(row["clip_id"], row["ok"], row["code"]) for row in results] == [
        (first.id, True, 202), (foreign, False, 404), (second.id, True, 202),
    ]  # fmt: skip
    repeated = member.call("POST", "/v1/clips/batch", json=body).json()["data"]
    assert [row["code"] for row in repeated] == [409, 404, 409]
    assert member.call("POST", "/v1/clips/batch", json={"action": "export", "clip_ids": [first.id]}).status_code == 400
    assert member.call("POST", "/v1/clips/batch", json={"action": "render", "clip_ids": []}).status_code == 400
    body = {"action": "delete", "clip_ids": [first.id, second.id]}
    assert [row["code"] for row in member.call("POST", "/v1/clips/batch", json=body).json()["data"]] == [200, 200]
    assert read_data(member, "/v1/clips") == []


def test_a_project_takes_a_template_and_lengths_and_is_renamed(server: Server, member: Member) -> None:
    body = {
        "filename": "talk.mp4", "filesize": 10, "template_id": "system:HORMOZI:1_1",
        "clip_durations": {"min": 20, "max": 40},
    }  # fmt: skip
    created = member.call("POST", "/v1/projects/create", json=body)
    assert created.status_code == 201, created.text
    for change in ({"template_id": str(uuid.uuid4())}, {"clip_durations": {"min": 50, "max": 40}}):
        assert member.call("POST", "/v1/projects/create", json={**body, **change}).status_code == 422
    project, clip = create_analysed_project(member)
    with server.database.write() as connection:
        table = tables.projects
        connection.execute(table.update().where(table.c.id == project.id).values(template_id="system:HORMOZI:1_1"))
    config = member.call("GET", f"/v1/clips/{clip.id}").json()["data"]["template_config"]
    assert (config["caption_style"], config["layout"]["aspectRatio"]) == ("HORMOZI", "1:1")
    renamed = member.call("PATCH", f"/v1/projects/{project.id}", json={"title": "Épisode 12"})
    assert renamed.json()["data"]["title"] == "Épisode 12"
    assert [row["id"] for row in read_data(member, "/v1/projects", search="épisode")] == [project.id]
    assert server.create_member().call("PATCH", f"/v1/projects/{project.id}", json={"title": "x"}).status_code == 404


def test_events_are_read_again_after_an_id(server: Server, member: Member) -> None:
    _, clip = create_analysed_project(member)
    with server.database.write() as connection:
        for _ in range(2):
            render = renders.queue(connection, clip, run_intents.new_run_id())
            renders.fail(connection, render.id, "It was cancelled.")
    page = member.call("GET", "/v1/events", params={"event": "clip.render_failed", "limit": 1}).json()
    assert page["has_more"] and page["data"][0]["data"]["clip_id"] == clip.id
    rest = member.call(
        "GET", "/v1/events", params={"event": "clip.render_failed", "after": page["data"][0]["id"]}
    ).json()
    assert len(rest["data"]) == 1 and not rest["has_more"]
    assert server.create_member().call("GET", "/v1/events").json()["data"] == []


def test_a_webhook_of_a_project_gets_its_events_only(server: Server, member: Member) -> None:
    body = {"filename": "talk.mp4", "filesize": 10, "webhook_url": "https://192.0.2.7/hook"}
    refused = member.call("POST", "/v1/projects/create", json={**body, "webhook_url": "http://192.0.2.7/hook"})
    assert (refused.status_code, refused.json()["param"]) == (400, "webhook_url")
    created = member.call("POST", "/v1/projects/create", json={**body, "webhook_url": "http://127.0.0.1:9/hook"}).json()
    assert created["data"]["webhook_secret"].startswith("whsec_")
    project_id = created["data"]["project_id"]
    other = member.create_project()
    with server.database.write() as connection:
        for identity in (project_id, other.id):
            projects.end(connection, identity, "FAILED", "The video has no speech.")
        webhooks.dispatch(connection, lambda event, data: data, 100_000)
        (webhook,) = [
            w for w in webhooks.list_for_workspace(connection, member.workspace_id) if w.project_id == project_id
        ]
        deliveries, _ = webhooks.list_deliveries(connection, webhook.id, 10, 0)
    assert {delivery.event for delivery in deliveries} == {"project.status", "project.failed"}
    assert all(project_id in delivery.body for delivery in deliveries)


def test_workspaces_are_created_renamed_and_left(server: Server, member: Member) -> None:
    created = member.call("POST", "/v1/workspaces", json={"name": "  Podcast   team "})
    assert created.status_code == 201
    workspace = created.json()["data"]
    assert (workspace["name"], workspace["role"]) == ("Podcast team", "OWNER")
    assert member.call("POST", "/v1/workspaces", json={"name": "  "}).status_code == 400
    renamed = member.call("PATCH", f"/v1/{workspace['id']}", json={"name": "Team"})
    assert renamed.json()["data"]["name"] == "Team"
    assert member.call("POST", f"/v1/{workspace['id']}/leave").status_code == 409  # its last OWNER
    editor = server.create_member()
    server.add_member(workspace["id"], editor)
    assert editor.call("PATCH", f"/v1/{workspace['id']}", json={"name": "Mine"}).status_code == 403
    assert editor.call("POST", f"/v1/{workspace['id']}/leave").status_code == 200
    assert workspace["id"] not in {row["id"] for row in editor.call("GET", "/v1/me").json()["data"]["workspaces"]}
