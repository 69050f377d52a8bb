"""The version of the service. The package, the API's document, `autos --version` and `/health/live` read it here."""

VERSION = "1.0.0"
