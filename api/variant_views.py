"""Responses about AI edits: variants and their scores."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Caller
from api.errors import not_found
from api.signed_urls import sign_url
from carmic_assets.ai_edits.edit_plan import EditPlan
from resources import timeline_variants, timelines
from resources.field_types import SignedUrl, Timestamp, Uuid
from resources.platform import Platform
from resources.timeline_variants import Variant

CompareTo = Literal["prompt", "original"]
GOOD_SCORE, FAIR_SCORE = 70, 40


class VariantResponse(msgspec.Struct):
    """A result to choose from: the playable range, and a strip of its frames.

    `label` is the method or the strength; `overall_rating` is that of the score; `notes` are its limits.
    """

    id: Annotated[Uuid, Meta(description="Id of the variant.")]
    url: Annotated[SignedUrl, Meta(description="Signed URL that plays the edited range.")]
    preview_url: Annotated[SignedUrl, Meta(description="Signed URL of a strip of its frames, a JPEG.")]
    label: Annotated[str, Meta(description="Method or strength of the variant.", examples=["as asked"])]
    overall_rating: Annotated[
        str,
        Meta(
            description="Its overall score, 0 to 100, and a word: good from 70, fair from 40, else poor.",
            examples=["87/100 good"],
        ),
    ]
    notes: Annotated[
        list[str],
        Meta(
            description="Limits of the result, as sentences.",
            examples=[["Stabilising enlarges the image to hide its moving edges."]],
        ),
    ]


class VariantDetails(msgspec.Struct):
    """A variant of a completed job. `comparison_url` shows its frames below those of the original.

    `duration` is in seconds. `accepted_at` is when it was accepted last, null if it never was.
    """

    id: Annotated[Uuid, Meta(description="Id of the variant.")]
    job_id: Annotated[Uuid, Meta(description="Id of the AI edit that made it.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    url: Annotated[SignedUrl, Meta(description="Signed URL that plays the edited range.")]
    preview_url: Annotated[SignedUrl, Meta(description="Signed URL of a strip of its frames, a JPEG.")]
    comparison_url: Annotated[
        SignedUrl, Meta(description="Signed URL of its frames below those of the original, a JPEG.")
    ]
    label: Annotated[str, Meta(description="Method or strength of the variant.", examples=["as asked"])]
    operations: Annotated[
        list[str], Meta(description="The operations of the edit, in their order.", examples=[["blur"]])
    ]
    overall_rating: Annotated[
        str,
        Meta(
            description="Its overall score, 0 to 100, and a word: good from 70, fair from 40, else poor.",
            examples=["87/100 good"],
        ),
    ]
    frames: Annotated[int, Meta(description="Number of its frames.", examples=[100])]
    duration: Annotated[float, Meta(description="Its length in seconds.", examples=[4.0])]
    notes: Annotated[
        list[str],
        Meta(
            description="Limits of the result, as sentences.",
            examples=[["Stabilising enlarges the image to hide its moving edges."]],
        ),
    ]
    accepted_at: Annotated[Timestamp | None, Meta(description="When it was accepted last; null if it never was.")]
    created_at: Annotated[Timestamp, Meta(description="When it was made.")]


class Judge(msgspec.Struct):
    """The words of a language model about a variant. It changes no number; `failure` says why there is no verdict."""

    model: Annotated[str, Meta(description="Name of the language model.", examples=["gemini-2.5-flash"])]
    verdict: Annotated[
        str | None,
        Meta(
            description="What the model says about the variant; null if it did not answer.",
            examples=["The plate is unreadable in every frame."],
        ),
    ]
    failure: Annotated[
        str | None,
        Meta(
            description="Why there is no verdict; null if there is one.",
            examples=["The model gave no verdict: it did not answer in time."],
        ),
    ]


class VariantScore(msgspec.Struct):
    """Scores from 0 to 100 with a word. `details` names the lowest measure. `measures` are the numbers behind them."""

    overall_rating: Annotated[
        str,
        Meta(
            description="Geometric mean of fidelity and visual quality, 0 to 100, and a word.", examples=["87/100 good"]
        ),
    ]
    details: Annotated[
        str,
        Meta(
            description="A sentence that names the lowest measure.",
            examples=["The lowest measure is sharpness: 81% of its target."],
        ),
    ]
    fidelity_to_prompt: Annotated[
        str, Meta(description="How far the variant follows the prompt, 0 to 100.", examples=["91/100"])
    ]
    visual_quality: Annotated[
        str, Meta(description="Quality of the picture from sharpness, flicker and seam, 0 to 100.", examples=["84/100"])
    ]
    measures: Annotated[
        dict[str, float | None],
        Meta(
            description="The numbers behind the scores, by name; null where one does not apply.",
            examples=[{"fidelity_blur": 0.91, "sharpness": 1.0, "flicker": 0.02, "seam": 0.98}],
        ),
    ]
    judge: Annotated[Judge | None, Meta(description="The words of a language model; null if none is configured.")]


class VariantScoreResponse(msgspec.Struct):
    """The score of a variant against its prompt, or against the original range."""

    variant_id: Annotated[Uuid, Meta(description="Id of the variant.")]
    compare_to: Annotated[CompareTo, Meta(description="What the variant is compared with.")]
    score: Annotated[VariantScore, Meta(description="The score.")]


def require_variant(connection: Connection, caller: Caller, variant_id: str) -> Variant:
    """Return a variant of the caller's workspace. Raises ApiError 404 if there is none."""
    variant = timeline_variants.get(connection, variant_id)
    if variant is None or variant.workspace_id != caller.workspace:
        raise not_found("variant")
    if timelines.get(connection, variant.timeline_id) is None:
        raise not_found("variant")
    return variant


def build_variant(platform: Platform, variant: Variant) -> VariantResponse:
    """Build the entry of a variant in its job."""
    return VariantResponse(
        variant.id,
        sign_url(platform, variant.object_key, "video/mp4"),
        sign_url(platform, variant.preview_key, "image/jpeg"),
        variant.label,
        rate_score(variant.overall_score),
        variant.notes,
    )


def build_variant_details(platform: Platform, variant: Variant) -> VariantDetails:
    """Build the response for a variant."""
    summary = build_variant(platform, variant)
    return VariantDetails(
        variant.id,
        variant.job_id,
        variant.timeline_id,
        summary.url,
        summary.preview_url,
        sign_url(platform, variant.comparison_key, "image/jpeg"),
        variant.label,
        list(msgspec.convert(variant.plan, EditPlan).operations),
        summary.overall_rating,
        variant.frames,
        variant.facts["duration_s"],
        variant.notes,
        variant.accepted_at,
        variant.created_at,
    )


def build_score(variant: Variant, compare_to: CompareTo) -> VariantScoreResponse:
    """Build the score from the stored measures: the same numbers at each request."""
    score, comparison = variant.score["prompt"], variant.score["original"]
    measures = dict(score["measures"])
    details = score["details"]
    if compare_to == "original":
        measures |= {name: value for name, value in comparison.items() if name != "details"}
        details = f"{comparison['details']} {details}"
    judge = variant.score.get("judge")
    return VariantScoreResponse(
        variant.id,
        compare_to,
        VariantScore(
            rate_score(variant.overall_score),
            details,
            f"{score['fidelity']:.0f}/100",
            f"{score['visual_quality']:.0f}/100",
            cast(dict[str, float | None], measures),
            None if judge is None else msgspec.convert(judge, Judge),
        ),
    )


def rate_score(overall: float) -> str:
    """Return a score from 0 to 100 with its word, such as "87/100 good"."""
    word = "good" if overall >= GOOD_SCORE else "fair" if overall >= FAIR_SCORE else "poor"
    return f"{overall:.0f}/100 {word}"
