"""Checks whether an HTTP server answers."""

import http.client

_PROBE_SECONDS = 1.0


def answers_200(port: int, path: str, headers: dict[str, str]) -> bool:
    """Whether an HTTP server on 127.0.0.1 answers a GET with 200. Never uses a proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
