"""What a secret looks like: by the name it goes by, or by its own form. Pure; values are never told."""

import re
from collections.abc import Iterator
from typing import Final

_NAMES = re.compile(
    # The last words of a name, in which words are parted by `_` ...
    r"(?:^|_)(?:passwords?|passwd|passphrase|passcode|pwd|pass|secret|token|credentials?|basic_auth|"
    r"(?:api|access|private|encryption|signing|secret|auth|app|master|account)_?key|client_key(?=_data)|"
    # ... or run together: PGPASSWORD, dbpassword.
    r"[a-z0-9]+(?:password|passwd|passphrase|apikey|secretkey|accesskey|privatekey)|secrets(?=$))"
    r"(?:_?[0-9]+|_(?:value|text|base64|base|data|plain))?$"
)
# `PWD` alone is where a process is; some secrets are called by the name of their object.
_NO_NAMES = re.compile(r"^(?:old)?pwd$|(?:^|_)(?:pull|tls|ssl|cert|certificate)_secrets?$|^proxy_pass$")
_SWITCHES = re.compile(
    r"(?:^|_)(?:allow|enabled?|requires?|use|disabled?|random|has|is|no|skip|empty|show|hide|force|verify|"
    r"check|generate|rotate|need|reset|change|with|without|support|mask|max|min|num|number|count|limit)(?:_|$)"
)
_SWITCHED = re.compile(r"(?:true|false|yes|no|on|off|[0-9]+)", re.IGNORECASE)
_NOTHING = re.compile(r"|none|null|nil|~|\*+|<[^<>]*>", re.IGNORECASE)
# A key or a credential may be a file; a password may where Kubernetes or Docker put it.
_KEY_FILE = re.compile(
    r"(?:[a-z]:|~|\.{1,2})?(?:[/\\][\w.@+-]+){2,}|[\w./-]+\.(?:pem|key|crt|json|p12|jks)", re.I
)
_MOUNTED = re.compile(r"/(?:var/)?run/secrets/[\w./-]+")
_FILES = re.compile(r"key(?:_?[0-9]+)?$|credentials?$|kubeconfig$")

_FORMS = (
    re.compile(r"-----BEGIN (?:\w+ )*PRIVATE KEY-----"),
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,}|glpat-[\w-]{20,})"),
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bsk_live_[A-Za-z0-9]{16,}|\bAIza[\w-]{35}\b"),
)
_URL_PASSWORD = re.compile(
    r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<password>[^\s/@]+)@|"
    r"(?:^|[\s=\"'])[^\s:/@\"'=]+:(?P<go>[^\s@/]+)@(?:tcp|udp|unix)\(",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(r"\$\([A-Za-z_]\w*\)|\$\{[A-Za-z_][\w.]*\}")
"""What Kubernetes, or a program, fills in: `$(NAME)`, `${NAME}`."""
_EXPRESSION = re.compile(
    r"[$`{%@].*|.*\$[\w({].*|.*(?:environ|getenv|process\.env|\bENV\[|\benv\(|\benv\.).*", re.DOTALL
)

_ASSIGNED = re.compile(
    r"(?<![\w$.%-])(?<![$%{]\{)[\"']?(?P<dashes>--?)?(?P<name>[A-Za-z_][\w.-]*)[\"']?"
    r"(?P<sign>[ \t]*[:=][ \t]*|[ \t]+)"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|<[^<>\n]*>|[^\s,;}\"')]*)"
)
_ELEMENT = re.compile(r"<(?P<name>[A-Za-z_][\w.-]*)>(?P<value>[^<>\n]*)</(?P=name)>")
_COMMENT = re.compile(r"\s*(?:#|;|//|<!--|\*|--\s)")


def is_secret(name: str, value: str) -> bool:
    """Whether a value of this name (empty: of none) is a secret, and not where one is to be found."""
    return has_form(value) or (is_name(name) and not _harmless(_words(name), value.strip()))


def has_form(value: str) -> bool:
    """Whether a text holds what is a secret by its form: a private key, a known token, a URL's password."""
    if any(each.search(value) for each in _FORMS):
        return True
    return any(
        not (found["password"] or found["go"]).startswith(("$", "<", "{"))
        for found in _URL_PASSWORD.finditer(value)
    )


def is_name(name: str) -> bool:
    """Whether a name is one of secrets: `DB_PASSWORD`, `apiKey`; not `PASSWORD_FILE`, `MAX_TOKENS`."""
    words = _words(name)
    return bool(_NAMES.search(words)) and not _NO_NAMES.search(words)


def is_option(name: str) -> bool:
    """Whether an option of a command takes a secret: `--password`; not `--no-password`."""
    return is_name(name) and not _SWITCHES.search(_words(name))


def in_text(text: str) -> Iterator[str]:
    """The names of secrets that a file of settings gives (.env, properties, INI, YAML, JSON, XML)."""
    for line in text.splitlines():
        if _COMMENT.match(line):
            continue
        for found in [*_pairs(line, spaced=True), *_ELEMENT.finditer(line)]:
            yield from _named(found)


def in_command(text: str) -> Iterator[str]:
    """The names of secrets that a command line or script gives: `--password=x`, `--password x`, `TOKEN=x`."""
    for line in text.splitlines():
        for found in _pairs(line, spaced=False):
            yield from _named(found)


def _named(found: "re.Match[str]") -> Iterator[str]:
    name, value = found["name"], found["value"].strip("\"'")
    if not _harmless(_words(name), value) and not _EXPRESSION.fullmatch(value):
        yield name


def _pairs(line: str, *, spaced: bool) -> Iterator["re.Match[str]"]:
    """Names of secrets with their values; `spaced`: with spaces around the sign, too."""
    at = 0
    while (found := _ASSIGNED.search(line, at)) is not None:
        sign, flag = found["sign"], bool(found["dashes"])
        parted = sign.strip() == ""
        right = flag if parted else (spaced or sign == "=")
        # What follows an option may be the next one, or nothing of its own.
        own = not parted or (is_option(found["name"]) and not found["value"].startswith("-"))
        if right and own and is_name(found["name"]):
            yield found
            at = max(found.end(), found.end("name") + 1)
        else:
            at = found.end("name")


def _words(name: str) -> str:
    return re.sub(r"[.\-\s]", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()


def _harmless(words: str, value: str) -> bool:
    """Nothing, a switch, or a reference to where the secret is."""
    return bool(
        _NOTHING.fullmatch(value)
        or _REFERENCE.fullmatch(value)
        or _MOUNTED.fullmatch(value)
        or (_FILES.search(words) and _KEY_FILE.fullmatch(value))
        or (_SWITCHES.search(words) and _SWITCHED.fullmatch(value))
    )
