"""`curl` commands for people to paste."""


def watch_line(monitor_url: str, api_key: str) -> str:
    """The command that watches a case."""
    json = '-H "Content-Type: application/json" --data \'{"every": "1h"}\''
    return f'curl --request PUT -H "Authorization: Bearer {api_key}" {json} "{monitor_url}"'


def check_line(monitor_url: str, api_key: str) -> str:
    """The command that checks a watched case now."""
    return f'curl --request POST -H "Authorization: Bearer {api_key}" "{monitor_url}/check"'
