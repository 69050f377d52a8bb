"""Counts requests for `/metrics`."""

from starlette.types import Scope

from service.observability.metrics import ApiMetrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(scope: Scope, status: int, seconds: float) -> None:
    """Count a request under the template of its path, so that text from clients never becomes a label."""
    metrics: ApiMetrics = scope["state"]["metrics"]
    method = scope["method"] if scope["method"] in _METHODS else "other"
    route = getattr(scope.get("route"), "path", "unmatched")
    metrics.http_requests.labels(method, route, status).inc()
    metrics.http_request_seconds.labels(method, route).observe(seconds)
