"""What a request handler needs of the application it runs in."""

from __future__ import annotations

from fastapi import Request

from api.builds import Service


def service_of(request: Request) -> Service:
    """The service as this request sees it: one build from its first look to its end (`api.around.middleware`)."""
    service: Service = request.state.service
    return service
