"""The canonical spelling of a webhook URL, or the rule that the URL breaks.

Parsers disagree about odd URLs, and each disagreement is a way past a check. So odd URLs are refused before they are
parsed. A host name is taken from the HTTP client's own parser. Scheme, host and port are written out again, and that
parser must read the same from the result, which is stored and used. The path and the query stay byte for byte:
receivers may put signatures of these bytes into their URLs. No name is resolved here.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

import yarl

from service.webhooks.addresses.networks import parse_address
from service.webhooks.addresses.policy import MAX_URL_CHARACTERS, AddressPolicy, InvalidWebhookUrl, UrlRule

# Controls, formatting (bidi, zero width, soft hyphen), surrogates, and every kind of space.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
_AUTHORITY_END = re.compile(r"[/?#]")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT = 65535
_BRACKETED_IPV6 = re.compile(r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]")
# A full stop that IDNA reads as a dot. NFKC turns the others into one.
_IDEOGRAPHIC_FULL_STOP = "\u3002"
# An underscore is not allowed in a host name, but names with one exist and resolve.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_NAME_CHARACTERS = 253
_DEFAULT_PORTS = {"https": 443, "http": 80}
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))

# Special-use names (RFC 6761 and its registry), and suffixes in common private use, none of them delegated.
_PRIVATE_SUFFIXES = frozenset(
    {
        *("local", "localhost", "localdomain", "internal", "intranet", "intra", "private", "corp", "home"),
        *("lan", "arpa", "onion", "alt", "invalid", "test", "svc", "cluster", "consul", "docker", "kube"),
        *("mail", "workgroup"),
    }
)


@dataclass(frozen=True)
class _Written:
    """The parts of the URL before normalisation; only the scheme is in lower case."""

    scheme: str
    host: str
    port: int
    target: str  #: path and query


def canonical_url(url: str, policy: AddressPolicy) -> str:
    """Return the URL in the spelling that is stored and called. Idempotent.

    Two URLs are the same receiver if this is the same for both: scheme, host and port have one spelling, path and
    query stay as given. The fragment is left out, because it is never sent.

    Raises `InvalidWebhookUrl` for the first rule broken. A host that is an address is checked against the policy here.
    A name is checked only for its form: its addresses are checked when it is resolved.
    """
    _check_characters(url)
    policy = _policy_for_text(url, policy)
    written = _split(url, policy)
    parsed = _parse(url)
    host = _canonical_host(written.host, parsed.raw_host or "", policy)
    _check_lists(host, policy)
    canonical = _written_out(written, host)
    # Percent-encoding makes the URL longer, and it is checked again when it is called.
    _check_characters(canonical)
    # The last defence: the parser must read from the result what was checked.
    for understood in (yarl.URL(canonical), request_url(canonical)):
        if (understood.scheme, understood.raw_host, understood.port) != (written.scheme, host, written.port):
            raise InvalidWebhookUrl(UrlRule.HOST)
    return canonical


def policy_for(url: yarl.URL, policy: AddressPolicy) -> AddressPolicy:
    """The policy that applies to this URL: see `AddressPolicy.for_url`."""
    return policy.for_url(url.scheme, (url.raw_host or "").removesuffix("."), url.port)


def _policy_for_text(url: str, policy: AddressPolicy) -> AddressPolicy:
    if not policy.private_hosts:
        return policy
    try:
        return policy_for(yarl.URL(url), policy)
    except ValueError:
        return policy


def request_url(canonical: str) -> yarl.URL:
    """A canonical URL for the HTTP client, which sends its path and query unchanged."""
    scheme, _, rest = canonical.partition("://")
    authority, slash, target = rest.partition("/")
    # The query is given as part of the path: yarl would drop a ? with nothing after it.
    return yarl.URL.build(scheme=scheme, authority=authority, path=slash + target, encoded=True)


def host_of(canonical: str) -> str:
    """The host of a canonical URL: a name in lower-case ASCII, or an address without brackets."""
    return yarl.URL(canonical).raw_host or ""


def _check_characters(url: str) -> None:
    if not 0 < len(url) <= MAX_URL_CHARACTERS:
        raise InvalidWebhookUrl(UrlRule.LENGTH)
    if any(c == "\\" or unicodedata.category(c) in _REFUSED_CATEGORIES for c in url):
        raise InvalidWebhookUrl(UrlRule.CHARACTERS)


def _split(url: str, policy: AddressPolicy) -> _Written:
    scheme, _, rest = url.partition("://")
    _check_scheme(scheme.lower(), policy)
    # Up to the first slash: parsers differ on whether a ? or # before it ends the host.
    if "@" in rest.partition("/")[0]:
        raise InvalidWebhookUrl(UrlRule.CREDENTIALS)
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    match = _AUTHORITY.fullmatch(authority)
    if match is None or "%" in match[0] or not match["host"]:
        raise InvalidWebhookUrl(UrlRule.HOST)
    port = _port(match["port"], scheme.lower(), policy)
    return _Written(scheme.lower(), match["host"], port, rest[len(authority) :].partition("#")[0])


def _check_scheme(scheme: str, policy: AddressPolicy) -> None:
    if scheme == "https" or (scheme == "http" and not policy.require_https):
        return
    if policy.require_https:
        raise InvalidWebhookUrl(UrlRule.SCHEME)
    raise InvalidWebhookUrl(UrlRule.SCHEME, "Start the URL with https:// or http://.")


def _port(written: str | None, scheme: str, policy: AddressPolicy) -> int:
    text = str(_DEFAULT_PORTS[scheme]) if written is None else written
    port = int(text) if _PORT.fullmatch(text) else None
    if port is not None and port <= _MAX_PORT and policy.allows_port(port):
        return port
    if policy.allowed_ports is None:
        raise InvalidWebhookUrl(UrlRule.PORT, "Use a port that no protocol other than HTTP is known for.")
    ports = " or ".join(str(allowed) for allowed in sorted(policy.allowed_ports))
    raise InvalidWebhookUrl(UrlRule.PORT, f"Use port {ports}.")


def _parse(url: str) -> yarl.URL:
    try:
        return yarl.URL(url)
    except ValueError:
        raise InvalidWebhookUrl(UrlRule.HOST) from None


def _canonical_host(written: str, parsed: str, policy: AddressPolicy) -> str:
    if written.startswith("["):
        return _canonical_ipv6(written, policy)
    if _is_disguised(written):
        raise InvalidWebhookUrl(UrlRule.HOST, "Write the host with ordinary letters, digits and dots.")
    name = parsed.removesuffix(".")
    # No top-level domain starts with a digit of any script; the last part of every spelling of an IPv4 address does.
    if written.removesuffix(".").rpartition(".")[2][:1].isdigit():
        return _allowed_address(written, policy)
    _check_name(name)
    if not (policy.allow_private_hosts or policy.allow_private_networks):
        _check_public_name(name)
    return name


def _canonical_ipv6(written: str, policy: AddressPolicy) -> str:
    if not _BRACKETED_IPV6.fullmatch(written):
        raise InvalidWebhookUrl(UrlRule.HOST)
    return _allowed_address(written[1:-1], policy)


def _allowed_address(text: str, policy: AddressPolicy) -> str:
    try:
        address = parse_address(text)
    except ValueError:
        raise InvalidWebhookUrl(UrlRule.ADDRESS_FORM) from None
    if not policy.allows_address(address):
        raise InvalidWebhookUrl(UrlRule.ADDRESS_NOT_PUBLIC)
    return address.compressed


def _is_disguised(written: str) -> bool:
    """Whether compatibility characters (circled, full-width, ...) stand for ordinary ones."""
    if _IDEOGRAPHIC_FULL_STOP in written:
        return True
    return unicodedata.normalize("NFKC", written) != unicodedata.normalize("NFC", written)


def _check_name(name: str) -> None:
    labels = name.split(".")
    if len(name) > _MAX_NAME_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidWebhookUrl(UrlRule.HOST)


def _check_public_name(name: str) -> None:
    labels = name.split(".")
    # A name of one label is completed with the machine's search domains, or is a host of the local network.
    if len(labels) == 1 or labels[-1] in _PRIVATE_SUFFIXES:
        raise InvalidWebhookUrl(UrlRule.PRIVATE_NAME)


def _check_lists(host: str, policy: AddressPolicy) -> None:
    if host in policy.own_hosts:
        raise InvalidWebhookUrl(UrlRule.OWN_HOST)
    if policy.allowed_hosts and host not in policy.allowed_hosts:
        raise InvalidWebhookUrl(UrlRule.HOST_NOT_ALLOWED)


def _written_out(written: _Written, host: str) -> str:
    """Scheme, host, port if it is not the scheme's default, path and query. Only non-ASCII characters are encoded."""
    authority = f"[{host}]" if ":" in host else host
    if written.port != _DEFAULT_PORTS[written.scheme]:
        authority = f"{authority}:{written.port}"
    target = quote(written.target, safe=_VISIBLE)
    return f"{written.scheme}://{authority}{'' if target.startswith('/') else '/'}{target}"
