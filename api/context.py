"""What a request handler needs of the application it runs in."""

from __future__ import annotations

from fastapi import Request

from api.builds import Service


def service_of(request: Request) -> Service:
    """The service that `create_app` made."""
    service: Service = request.app.state.service
    return service
