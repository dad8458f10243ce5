"""How pages and endpoints on models get their service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.enrolment.model_changes import ModelChanges
from service.web.dependencies import rooms_of


def get_models(request: Request) -> ModelChanges:
    """Models of the running application."""
    models: ModelChanges = rooms_of(request).models
    return models


ModelsDep = Annotated[ModelChanges, Depends(get_models)]
