"""Texts of the API's reference that belong to no single route: tags, headers, shared parameters and typical bodies."""

from __future__ import annotations

from typing import Any

# In the order in which the reference shows them
TAGS = {
    "Auth": "Register, log in, and manage your sessions, password and email address.",
    "Profile and workspaces": "Your profile, your workspaces, their members and invitations.",
    "Ingestion": "From a video file or its URL to clips: create a project, upload, process, follow.",
    "Resumable uploads": "Uploads by tus 1.0.0, which continue after an interruption.",
    "Projects": "List, read and delete projects. A project is one source video and its clips.",
    "Clips and editor": "Read, edit, preview and render clips.",
    "Exports": "Packages of a clip for Premiere, DaVinci Resolve, Final Cut and After Effects.",
    "Templates": "Saved configs, default configs of new clips, and caption styles.",
    "Media library": "The workspace's own images, videos, music and fonts.",
    "B-roll and stock": "Cutaways: suggestions, files of a clip, and stock footage.",
    "Storage": "Signed URLs to upload and play objects of the workspace.",
    "Social accounts": "Connected accounts of social platforms.",
    "API keys": "Keys for programs. A key belongs to one workspace.",
    "Webhooks": "Subscriptions to events, and the deliveries of each.",
    "Billing": "Buy processing minutes through Stripe.",
    "Generation": "Start jobs that make images, videos, speech and clips; see `GET /api/jobs` for their results.",
    "Generation: management": "Jobs, balance, models, voices, keys and settings of the generation API.",
    "Generation: uploads": "Upload the images, sounds and videos that generations take.",
    "Generation: voice agents": "Telephone calls by agents, for which this version has no engine.",
    "Timeline: projects": "Projects of the timeline editor and their footage.",
    "Timeline: history": "Undo, redo, and the revisions of a timeline.",
    "Timeline: segments": "Cut, trim, move, delete and grade segments.",
    "Timeline: AI edits": "Edit a range by a prompt, and choose among one to three variants.",
    "Timeline: previews": "Frames of a timeline as images.",
    "Timeline: jobs and exports": "Exports of a timeline, and its other jobs.",
    "Timeline: status": "State of the server, and the caller's profile, in the shapes of the timeline API.",
    "Store": "The embedded object store. Its URLs are signed and returned by other paths.",
    "System": "State of the server, minutes and storage, and tickets for streams.",
}

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}

# Name of a header: its description, schema and example
HEADERS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "X-Workspace-ID": (
        "The workspace to work in. Optional with an API key. "
        "Without it, the timeline paths take the oldest workspace that you own.",
        {"type": "string", "format": "uuid"},
        "8f14e45f-ceea-467f-a8b5-2d1f3c0b7a61",
    ),
    "Idempotency-Key": (
        "A text of your choice. A repetition within 24 hours returns the first response and has no effect.",
        {"type": "string", "minLength": 1, "maxLength": 255},
        "create-episode-12",
    ),
    "If-Match": (
        "The `ETag` of the version that you have read. If another save came between, the response is 412.",
        _TEXT,
        '"3"',
    ),
    "Last-Event-ID": ("Resume after this message. Sent by browsers when they reconnect.", _TEXT, "1042"),
    "Tus-Resumable": ("Version of the tus protocol.", {"type": "string", "const": "1.0.0"}, "1.0.0"),
    "Upload-Length": ("Size of the whole file in bytes.", _COUNT, 524288000),
    "Upload-Offset": ("How many bytes have arrived.", _COUNT, 8388608),
    "Upload-Metadata": (
        "Pairs of a name and a base64 value, separated by commas; `project_id` is needed.",
        _TEXT,
        "project_id OGYxNGU0NWYtY2VlYS00NjdmLWE4YjUtMmQxZjNjMGI3YTYx",
    ),
    "Content-MD5": (
        "MD5 of the body in base64; another body is 400.",
        _TEXT,
        "1B2M2Y8AsgTpgAmY7PhCfg==",
    ),
    "Range": ("The part of the file to send, in bytes.", _TEXT, "bytes=0-1048575"),
    "Stripe-Signature": ("Signature of Stripe.", _TEXT, "t=1773480413,v1=4f1d"),
    "X-Carmic-Session": (
        "`cookie` keeps the refresh token in an HttpOnly cookie, out of the body.",
        {"type": "string", "const": "cookie"},
        "cookie",
    ),
    "X-Request-ID": ("Id of the request; the log has it. Yours, if you have sent one.", _TEXT, "5f2c1b0e9d8a4c7b"),
    "X-RateLimit-Limit": ("How many requests the window allows.", _COUNT, 5),
    "X-RateLimit-Remaining": ("How many of them are left.", _COUNT, 4),
    "X-RateLimit-Reset": ("When the window ends, in Unix seconds.", _COUNT, 1773480413),
    "Retry-After": ("Seconds to wait before the request is repeated.", _COUNT, 5),
    "Idempotency-Replayed": (
        "`true` where this is the response to an earlier request with the same `Idempotency-Key`.",
        {"type": "string", "const": "true"},
        "true",
    ),
    "ETag": ("Version of what is returned. Send it as `If-Match` with a change.", _TEXT, '"3"'),
    "Location": ("Where to continue: a signed URL.", _TEXT, "https://carmic.example/api/store/clip.mp4?signature=4f1d"),
    "Link": ("The next page (RFC 8288), absent on the last one.", _TEXT, '</api/v1/clips?cursor=eyJ0>; rel="next"'),
    "X-Total-Count": ("How many rows the whole list has.", _COUNT, 42),
    "webhook-id": ("Id of the delivery, the same for every attempt.", _TEXT, "8f14e45f-ceea-467f-a8b5-2d1f3c0b7a61"),
    "webhook-timestamp": ("When the attempt was made, in Unix seconds.", _TEXT, "1773480413"),
    "webhook-signature": (
        "Signatures of the Standard Webhooks scheme, separated by blanks.",
        _TEXT,
        "v1,K5oZfzN95Z9U",
    ),
}

# Name of a parameter that handlers do not describe: its description and example
PARAMETERS: dict[str, tuple[str, Any]] = {
    "user_id": ("Id of the member.", None),
    "template_id": ("Id of the template: a UUID, or the id of a built-in one.", "system:HORMOZI:9_16"),
    "platform_id": ("Id of the account, or name of a platform for the account connected last.", "youtube"),
    "name": ("Name of the platform.", "youtube"),
    "ratio": ("Aspect ratio: 9_16, 1_1, 4_5 or 16_9.", "9_16"),
    "token": ("Signature of the URL that another path has returned.", "eyJ0"),
    "key": ("Key of the object.", "workspaces/7b1c/projects/8f14/source.mp4"),
    "ticket": ("From `POST /v1/sse-ticket`; valid once, for 30 s.", "Zq3vX0cJm1YtGQ2fLbN8"),
    "last_event_id": ("Resume after this id.", "1042"),
    "q": ("What to search for.", "skyline"),
    "cursor": ("`meta.next_cursor` of the page before.", "WyItY3JlYXRlZF9hdCIsIjIwMjYtMDMtMTQiLCI4ZjE0Il0"),
    "min_score": ("Only clips with at least this score.", 70),
    "after": ("Id of the last event that you have.", 1042),
    "search": ("Text to find; case is ignored.", "episode"),
}

# A typical body by operation id, where the schema alone does not show one
BODY_EXAMPLES: dict[str, Any] = {
    "auth.register_user": {"email": "ada@example.com", "password": "Correct7horse", "first_name": "Ada"},
    "auth.log_in": {"email": "ada@example.com", "password": "Correct7horse"},
    "projects.create": {
        "filename": "podcast.mp4",
        "filesize": 524288000,
        "content_type": "video/mp4",
        "duration": 1800,
        "language": "en",
        "video_type": "podcast",
    },
    "projects.create_from_url": {"url": "https://example.com/talk.mp4", "trim_start": 60},
    "clips.update": {
        "layout": {"layoutType": "auto", "aspectRatio": "9:16"},
        "style": {"fontSize": 80, "highlightColor": "#FFD700"},
        "elements": {"hookTitle": {"enabled": True, "text": "Wait for it", "durationSec": 2.5}},
        "caption_style": "HORMOZI",
    },
    "clips.patch": {"title": "Wait for it", "style": {"fontSize": 80}},
    "exports.create": {"target_format": "premiere", "include_proxy": False},
    "templates.create": {"name": "Brand", "template_config": {"caption_style": "IMPACT", "style": {"fontSize": 90}}},
    "media.presign_upload": {"filename": "logo.png", "content_type": "image/png", "file_size": 20480},
    "webhooks.create": {"url": "https://example.com/hook", "events": ["project.clips_ready", "clip.rendered"]},
    "api_keys.create": {"name": "ci", "scopes": ["read", "write"]},
    "timeline_projects.create": {"name": "Trailer", "description": "", "video_url": "https://example.com/talk.mp4"},
    "timeline_projects.create_upload": {"file_name": "talk.mp4", "content_type": "video/mp4"},
    "timeline_previews.frame": {"ts": 3.2},
    "timeline_previews.strip": {"start": 0, "end": 30, "fps": 1},
    "timeline_segments.split": {"split_ts": 12.4},
    "timeline_segments.trim": {"new_start_ts": 2.0, "new_end_ts": 9.5},
    "timeline_segments.grade": {"brightness": 0.1, "contrast": 0.2, "temperature": 0.3},
    "timeline_jobs.create_export": {"project_id": "3f0c6b0e-5a52-4c3c-9a52-0b5a9b1f2f10", "format": "mp4"},
    "timeline_ai_edits.generate": {
        "project_id": "5f0f2d54-7a55-4f0c-9a43-0e5a6c1d2b3e",
        "prompt": "blur the licence plate",
        "start_ts": 3.0,
        "end_ts": 7.0,
        "bounding_box": {"x": 0.4, "y": 0.6, "width": 0.1, "height": 0.05},
    },
    "generation.image": {"prompt": "A city skyline at sunset", "width": 1024, "height": 1024},
    "generation.voice": {"text": "Welcome back to the workshop.", "voiceId": "af_heart"},
    "generation.clip": {"sourceVideoUrl": "https://example.com/talk.mp4", "maxClips": 3},
    "generation_settings.update": {"webhookUrl": "https://example.com/hook"},
}
