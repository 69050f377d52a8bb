"""Keys and users."""

from collections.abc import Mapping

from service.console.languages.texts import Text

USER_TEXTS: Mapping[str, Text] = {
    "keys.title": Text("Chaves de API", "API keys"),
}
