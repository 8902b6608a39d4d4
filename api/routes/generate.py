"""POST /api/generate/*: one handler for each row of the table of endpoints."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access, Caller
from api.dependencies import CallerDep, DispatcherDep, PlatformDep
from api.envelope import Data
from api.errors import ApiError
from api.generation_availability import check_plan, choose_engine
from api.generation_inputs import resolve_inputs
from api.idempotency import record_response
from api.rate_limits import GENERATION_STARTS
from api.run_dispatch import RunDispatcher
from carmic_assets.generation.endpoints import ENDPOINTS, Endpoint, Kind
from carmic_assets.generation.requests import GenerationRequest
from resources import credits, generation_jobs
from resources.field_types import Uuid
from resources.generation_jobs import NewGeneration
from resources.platform import Platform


class GenerationStarted(msgspec.Struct, rename="camel"):
    """A queued job. Poll `GET /api/jobs?id=<jobId>` until its status is completed or failed."""

    job_id: Annotated[Uuid, Meta(description="Id of the job.")]
    status: Annotated[Literal["queued"], Meta(description="State of the job.")]
    message: Annotated[
        str, Meta(description="What happens next, for display.", examples=["Voice generation job queued"])
    ]
    estimated_minutes: Annotated[
        int | msgspec.UnsetType,
        Meta(description="Estimated length of the job in minutes; absent where it is not known.", examples=[1]),
    ] = msgspec.UNSET


class GenerationDryRun(msgspec.Struct, rename="camel"):
    """What a request would cost, and what would run it. Nothing was started or charged."""

    type: Annotated[Kind, Meta(description="What the job would make.")]
    credits: Annotated[int, Meta(description="What the job would cost, in credits.", examples=[80])]
    balance: Annotated[int, Meta(description="Credits that are left.", examples=[920])]
    engine: Annotated[
        str,
        Meta(
            description="What would run it: `pipeline` or `kokoro` on this server, or a provider.", examples=["kokoro"]
        ),
    ]
    model: Annotated[
        str | None, Meta(description="Model that would run; null for a type without models.", examples=["kokoro"])
    ]
    dry_run: Annotated[bool, Meta(description="Always true: nothing was started or charged.")] = True


def _start(
    platform: Platform, dispatcher: RunDispatcher, caller: Caller, endpoint: Endpoint, request: GenerationRequest
) -> Response[Any]:
    problem = endpoint.find_problem(request) if endpoint.find_problem is not None else None
    if problem is not None:
        raise ApiError(400, problem)
    fields = msgspec.to_builtins(request)
    inputs = resolve_inputs(platform, caller, endpoint, fields)
    check_plan(platform, caller, endpoint, request)
    engine, model = choose_engine(platform, endpoint, request)
    price = endpoint.price(request)
    monthly_credits = platform.settings.monthly_credits
    if request.dry_run:
        with platform.database.write() as connection:
            credits.grant_month(connection, caller.workspace, monthly_credits)
            balance = credits.get_balance(connection, caller.workspace)
        return Response(Data(GenerationDryRun(endpoint.kind, price, balance, engine, model)), status_code=200)
    new = NewGeneration(endpoint.kind, engine, model, fields, inputs, price)
    with platform.database.write() as connection:
        job = generation_jobs.enqueue(connection, caller.workspace, caller.user_id, new, monthly_credits)
        started = GenerationStarted(job.id, "queued", f"{endpoint.kind.capitalize()} generation job queued")
        if endpoint.estimated_minutes is not None:
            started.estimated_minutes = endpoint.estimated_minutes
        response = record_response(connection, Data(started))
    dispatcher.submit(job.run_id)
    return Response(response, status_code=202)


def _build_handler(endpoint: Endpoint) -> HTTPRouteHandler:
    def start(platform: Platform, dispatcher: RunDispatcher, caller: Caller, data: GenerationRequest) -> Response[Any]:
        return _start(platform, dispatcher, caller, endpoint, data)

    start.__name__ = f"generate_{endpoint.kind.replace('-', '_')}"
    price = "500 credits, and 250 for each further ad" if endpoint.count_price else f"{endpoint.credits} credits"
    start.__doc__ = f"{endpoint.summary} Costs {price}, which a failed job gives back."
    start.__annotations__ = {
        "platform": PlatformDep,
        "dispatcher": DispatcherDep,
        "caller": CallerDep,
        "data": cast(Any, JSONBody)[endpoint.request],  # a type that only the table knows
        "return": Response[Data[GenerationStarted]],
    }
    handler: HTTPRouteHandler = post(
        f"/generate/{endpoint.kind}",
        access=Access.EDITOR,
        rate_limit=GENERATION_STARTS,
        idempotent=True,
        status_code=202,
        sync_to_thread=True,
        error_statuses=(402, 404),
        responses={
            200: ResponseSpec(Data[GenerationDryRun], description="The price of a dry run.", generate_examples=False)
        },
        tags=["Generation"],
    )(start)
    return handler


ROUTES: list[HTTPRouteHandler] = [_build_handler(endpoint) for endpoint in ENDPOINTS]
