"""`python -m service.local.simulator`: the simulated portal as a process."""

import click

from service.local.simulator.application import create_portal
from service.local.simulator.server import PortalServer, server_config
from service.local.simulator.state import PortalConfiguration


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65_535), required=True)
@click.option("--token", required=True, help="The bearer token to accept.")
@click.option("--latency-listing-ms", type=click.FloatRange(min=0), default=0.0, show_default=True)
@click.option("--latency-binary-ms", type=click.FloatRange(min=0), default=0.0, show_default=True)
@click.option("--bytes-per-second", type=click.IntRange(min=0), default=0, help="For each body; 0: no limit.")
def main(
    *, host: str, port: int, token: str, latency_listing_ms: float, latency_binary_ms: float, bytes_per_second: int
) -> None:
    """Serve the simulated portal until SIGTERM or SIGINT."""
    configuration = PortalConfiguration(
        token=token,
        latency_listing_ms=latency_listing_ms,
        latency_binary_ms=latency_binary_ms,
        bytes_per_second=bytes_per_second,
    )
    app = create_portal(token, configuration=configuration)
    address = f"http://{host}:{port}/api/v2"
    server = PortalServer(
        server_config(app, host, port),
        handle_signals=True,
        on_ready=lambda: click.echo(f"The simulated portal listens on {address}"),
    )
    server.run()


if __name__ == "__main__":
    main()
