"""The texts of the console: each in both languages, none missing, none without a use."""

import re
from pathlib import Path
from string import Formatter

import service.console
from service.console.languages.choice import Language
from service.console.languages.messages import MESSAGES, TABLES, message

CONSOLE = Path(service.console.__file__).parent
SOURCES = "\n".join(path.read_text() for suffix in ("py", "html") for path in CONSOLE.rglob(f"*.{suffix}"))


def parts(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_a_key_stands_in_one_table() -> None:
    assert sum(map(len, TABLES)) == len(MESSAGES)


def test_both_languages_say_something_with_the_same_parts() -> None:
    for key, text in MESSAGES.items():
        assert text.pt.strip(), key
        assert text.en.strip(), key
        assert parts(text.pt) == parts(text.en), key
        for single in text.one or ():
            assert parts(single) <= parts(text.pt), key


def test_one_of_something_has_a_text_of_its_own() -> None:
    for key, text in MESSAGES.items():
        assert ("count" in parts(text.pt)) == (text.one is not None), key


def test_every_text_is_used() -> None:
    # Of a family such as `problem.404.title` the code names the beginning, or puts the key together.
    families = {match[1] for match in re.finditer(r"[\"']([a-z_]+(?:\.[a-z_]+)*\.)(?:\"|'|\{)", SOURCES)}
    unused = [
        key
        for key in MESSAGES
        if SOURCES.count(f'"{key}"') < 2 and not any(key.startswith(family) for family in families)
    ]

    assert [key for key in unused if not key.startswith("nav.")] == []


def test_numbers_are_written_as_the_language_does() -> None:
    assert "{wait}" not in message(Language.ENGLISH, "problem.429.do", wait=1)
