"""The form of webhook URLs: what is accepted under which policy, and in which spelling it is kept."""

import re

import pytest
import yarl
from hypothesis import given, settings
from hypothesis import strategies as st

from service.webhooks.addresses.canonical_url import canonical_url, host_of, request_url
from service.webhooks.addresses.policy import MAX_URL_CHARACTERS, AddressPolicy, InvalidWebhookUrl, UrlRule

PRODUCTION = AddressPolicy.production(own_hosts=["api.self.example"])
DEVELOPMENT = AddressPolicy.development()
THIS_MACHINE = AddressPolicy.development(allow_private_hosts=True)


def rule_of(url: str, policy: AddressPolicy) -> UrlRule | None:
    """The rule that the URL breaks, None if it is accepted."""
    try:
        canonical_url(url, policy)
    except InvalidWebhookUrl as refusal:
        return refusal.rule
    return None


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/Hook", "https://example.com/Hook"),
        ("https://example.com:8443", "https://example.com:8443/"),
        ("https://example.com./hook", "https://example.com/hook"),
        ("https://example.com?key=value", "https://example.com/?key=value"),
        ("https://example.com/hook#part", "https://example.com/hook"),
        ("https://example.com/a/./b/../c", "https://example.com/a/./b/../c"),
        ("https://example.com/a/%2e%2e/c", "https://example.com/a/%2e%2e/c"),
        ("https://example.com//a//", "https://example.com//a//"),
        ("https://example.com/hook?", "https://example.com/hook?"),
        ("https://example.com/hook?a=1?b=/&&c==#d#e", "https://example.com/hook?a=1?b=/&&c=="),
        ("https://example.com/h?sp=%2Fa%2Fb&sig=x%2By%2C%3D", "https://example.com/h?sp=%2Fa%2Fb&sig=x%2By%2C%3D"),
        # As the version before stored it.
        ("https://example.com/h?sp=/a/b&sig=x%2By,%3D", "https://example.com/h?sp=/a/b&sig=x%2By,%3D"),
        ("https://example.com/%7Ea/%e9?%zz=%&b=+%20", "https://example.com/%7Ea/%e9?%zz=%&b=+%20"),
        ('https://example.com/{a}?[b]="<c>"|\'^`', 'https://example.com/{a}?[b]="<c>"|\'^`'),
        ("https://example.com/a%2Fação", "https://example.com/a%2Fa%C3%A7%C3%A3o"),
        ("https://example.com/ação?é=1", "https://example.com/a%C3%A7%C3%A3o?%C3%A9=1"),
        ("https://hooks.example.com/%0d%0aX:%20y", "https://hooks.example.com/%0d%0aX:%20y"),
        ("https://münchen-hooks.example/", "https://xn--mnchen-hooks-dlb.example/"),
        ("https://mu\u0308nchen-hooks.example/", "https://xn--mnchen-hooks-dlb.example/"),
        ("https://MÜNCHEN-hooks.example/", "https://xn--mnchen-hooks-dlb.example/"),
        ("https://straße.example/", "https://xn--strae-oqa.example/"),
        ("https://8.8.8.8/hook", "https://8.8.8.8/hook"),
        ("https://[2606:4700:4700:0:0:0:0:1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
        ("https://[::FFFF:8.8.8.8]/", "https://[::ffff:808:808]/"),
    ],
)
def test_a_url_is_kept_in_one_spelling(url: str, canonical: str) -> None:
    assert canonical_url(url, PRODUCTION) == canonical


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_accepted_or_refused_with_a_rule_and_nothing_else(host: str, rest: str) -> None:
    for policy in (PRODUCTION, THIS_MACHINE):
        rule_of(host + rest, policy)
        rule_of(f"https://{host}/{rest}", policy)
        rule_of(f"https://hooks.example.com{rest}", policy)


@given(
    host=st.sampled_from(["Example.com", "example.com.", "8.8.8.8", "[2606:4700:4700::1111]", "例え.example"]),
    port=st.sampled_from(["", ":443", ":8443"]),
    rest=st.text(st.sampled_from("/?#%aA2e.F:;&=+~é\u4f8b'\"<>|{}^`"), max_size=30),
)
@settings(max_examples=500, deadline=None)
def test_a_canonical_url_is_its_own_canonical_form_and_the_client_reads_it_so(host: str, port: str, rest: str) -> None:
    canonical = canonical_url(f"https://{host}{port}/{rest}", PRODUCTION)

    assert canonical_url(canonical, PRODUCTION) == canonical
    # The request is sent with the checked URL, to the checked address.
    sent = request_url(canonical)
    assert canonical == f"{sent.scheme}://{sent.host_port_subcomponent}{sent.raw_path_qs}"
    assert (sent.raw_host, sent.port) == (yarl.URL(canonical).raw_host, yarl.URL(canonical).port)
    assert re.fullmatch(r"https://[a-z0-9.:\[\]-]+/[!-~]*", canonical)


def test_the_host_of_a_canonical_url_has_no_brackets() -> None:
    assert host_of("https://[2606:4700:4700::1111]:8443/") == "2606:4700:4700::1111"
    assert host_of("https://example.com:8443/hook") == "example.com"


def test_the_rules_are_a_closed_set_that_clients_can_rely_on() -> None:
    assert {rule.value for rule in UrlRule} == {
        "length",
        "characters",
        "scheme",
        "credentials",
        "host",
        "port",
        "address_form",
        "private_name",
        "own_host",
        "host_not_allowed",
        "address_not_public",
    }


@pytest.mark.parametrize("rule", UrlRule)
def test_every_refusal_says_what_to_do_in_one_sentence(rule: UrlRule) -> None:
    refusal = InvalidWebhookUrl(rule)

    assert re.fullmatch(r"[A-Z].*\.", refusal.message)
    assert ". " not in refusal.message


@pytest.mark.parametrize("url", ["https://10.1.2.3/", "https://[fd12:3456::1]/", "https://0x0a010203/"])
def test_a_refusal_repeats_neither_the_address_nor_the_url(url: str) -> None:
    with pytest.raises(InvalidWebhookUrl) as refusal:
        canonical_url(url, PRODUCTION)

    assert not re.search(r"10\.1|fd12|0x0a", str(refusal.value))
    assert refusal.value.__cause__ is None


def test_a_refused_port_names_those_that_are_allowed() -> None:
    with pytest.raises(InvalidWebhookUrl) as refusal:
        canonical_url("https://example.com:9000/", PRODUCTION)

    assert refusal.value.message == "Use port 443 or 8443."


def test_a_url_of_more_than_2048_characters_is_refused() -> None:
    longest = "https://example.com/".ljust(MAX_URL_CHARACTERS, "a")

    assert rule_of(longest, PRODUCTION) is None
    assert rule_of(longest + "a", PRODUCTION) is UrlRule.LENGTH
    assert rule_of("", PRODUCTION) is UrlRule.LENGTH
    # Too long once it is encoded, which is the form that is kept.
    assert rule_of("https://example.com/".ljust(340, "é"), PRODUCTION) is None
    assert rule_of("https://example.com/".ljust(340, "例"), PRODUCTION) is UrlRule.LENGTH


def test_where_hosts_are_listed_only_these_are_accepted_in_any_spelling() -> None:
    policy = AddressPolicy.production(own_hosts=[], allowed_hosts=["Hooks.Example.com.", "münchen.example", "8.8.8.8"])

    assert rule_of("https://hooks.example.COM./", policy) is None
    assert rule_of("https://münchen.example/", policy) is None
    assert rule_of("https://8.8.8.8/", policy) is None
    assert rule_of("https://example.com/", policy) is UrlRule.HOST_NOT_ALLOWED
    assert rule_of("https://a.hooks.example.com/", policy) is UrlRule.HOST_NOT_ALLOWED
    assert rule_of("https://hooks.example.com.attacker.example/", policy) is UrlRule.HOST_NOT_ALLOWED


def test_a_listed_host_must_still_be_public() -> None:
    policy = AddressPolicy.production(own_hosts=[], allowed_hosts=["127.0.0.1", "localhost"])

    assert rule_of("https://127.0.0.1/", policy) is UrlRule.ADDRESS_NOT_PUBLIC
    assert rule_of("https://localhost/", policy) is UrlRule.PRIVATE_NAME


def test_the_ports_of_production_can_be_chosen() -> None:
    policy = AddressPolicy.production(own_hosts=[], allowed_ports=[9443])

    assert rule_of("https://example.com:9443/", policy) is None
    assert rule_of("https://example.com/", policy) is UrlRule.PORT


@pytest.mark.parametrize("host", ["", "  ", "a b", "https://example.com", "example.com:443"])
def test_a_malformed_host_in_the_configuration_is_an_error(host: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AddressPolicy.production(own_hosts=[host])


def test_development_also_takes_plain_http_and_unusual_ports() -> None:
    assert canonical_url("http://example.com:80/hook", DEVELOPMENT) == "http://example.com/hook"
    assert canonical_url("http://example.com:443/hook", DEVELOPMENT) == "http://example.com:443/hook"
    assert canonical_url("https://example.com:49152/hook", DEVELOPMENT) == "https://example.com:49152/hook"


@pytest.mark.parametrize("port", [0, 21, 22, 25, 53, 445, 2375, 3306, 5432, 6379, 9200, 11211, 27017])
def test_development_keeps_away_from_the_ports_of_other_protocols(port: int) -> None:
    assert rule_of(f"http://example.com:{port}/", DEVELOPMENT) is UrlRule.PORT


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://127.0.0.1:9000/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("http://[::1]:9000/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("http://localhost:9000/", UrlRule.PRIVATE_NAME),
        ("http://receiver:9000/", UrlRule.PRIVATE_NAME),
    ],
)
def test_development_calls_this_machine_only_where_that_is_asked_for(url: str, rule: UrlRule) -> None:
    assert rule_of(url, DEVELOPMENT) is rule
    assert canonical_url(url, THIS_MACHINE) == url


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://169.254.169.254/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("http://[fd00:ec2::254]/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("http://0.0.0.0:9000/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("http://224.0.0.1/", UrlRule.ADDRESS_NOT_PUBLIC),
        ("http://[fe80::1%25eth0]/", UrlRule.HOST),
        ("http://2130706433/", UrlRule.ADDRESS_FORM),
        ("http://127.1/", UrlRule.ADDRESS_FORM),
        ("http://①②⑦.0.0.1/", UrlRule.HOST),
        ("http://user@127.0.0.1/", UrlRule.CREDENTIALS),
        ("http:// 127.0.0.1/", UrlRule.CHARACTERS),
        ("ftp://127.0.0.1/", UrlRule.SCHEME),
    ],
)
def test_even_then_metadata_services_and_bad_spellings_are_refused(url: str, rule: UrlRule) -> None:
    assert rule_of(url, THIS_MACHINE) is rule
