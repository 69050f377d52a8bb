"""A start that fails for a known reason ends with one line instead of a traceback."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.domain.environment.startup import StartupError


class OneLineStartupErrors:
    """Reports a `StartupError` to the server by its message; the server then exits with a code other than 0."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through but the traceback of a failed start."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        withheld: list[Message] = []

        async def withhold_failure(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                withheld.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, withhold_failure)
        except StartupError as error:
            withheld[:] = [{"type": "lifespan.startup.failed", "message": f"autos: {error}"}]
        finally:
            # For any other failure the withheld message is sent unchanged, and the exception goes on.
            for message in withheld:
                await send(message)
