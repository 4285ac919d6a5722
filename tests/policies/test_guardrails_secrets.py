"""No secret in plain text: what is taken for one, where it is found, and what only looks like one."""

import base64
from typing import Any

import pytest

from policies.guardrails.plain_text import plain_secrets, plain_settings
from policies.guardrails.resource import UNKNOWN, Resource
from policies.guardrails.secret_words import in_command, in_text
from tests.policies.guarded import configmap, container, engine_container, workload

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMII\n"  # gitleaks:allow


# Made in parts, so that no scanner of this repository takes them for real.
GITHUB = "ghp_" + "0123456789abcdefghij" + "ABCDEFGHIJ012345"
AMAZON = "AKIA" + "IOSFODNN7EXAMPLE"
NAMES = (
    "PGPASSWORD", "MYSQL_PWD", "DB_PASS", "SECRET_KEY", "SECRET_KEY_BASE", "JWT_SIGNING_KEY", "PASSWORD_1",
    "PASSWORD2", "dbpassword", "ADMIN_PASSWORDS", "APP_KEY", "client-secret", "spring.datasource.password",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("DB_PASSWORD", "hunter22", True),
        ("GITHUB_TOKEN", "abc", True),
        ("AWS_SECRET_ACCESS_KEY", "abc", True),
        ("apiKey", "abc", True),
        ("DATABASE_URL", "mysql://app:hunter22@db:3306/app", True),
        ("TLS", KEY, True),
        *((name, "hunter22", True) for name in NAMES),
        ("DB_PASSWORD", "12345678", True),
        ("DB_PASSWORD", "/abc", True),
        ("DB_PASSWORD", "true", True),
        ("DB_PASSWORD", "$hunter22", True),
        ("ACCESS_TOKEN", "no", True),
        ("BASIC_AUTH", "admin:hunter22", True),
        ("DSN", "app:hunter22@tcp(db:3306)/app", True),
        ("CONNECTION", "Server=db;Password=hunter22;", True),
        ("SETTINGS", '{"user": "a", "password": "hunter22"}', True),
        ("ANY", GITHUB, True),
        ("ANY", AMAZON, True),
        ("DB_PASSWORD", "", False),
        ("ALLOW_EMPTY_PASSWORD", "yes", False),
        ("DB_PASSWORD_FILE", "/run/secrets/db", False),
        ("DATABASE_URL", "mysql://app:$(DB_PASSWORD)@db:3306/app", False),
        ("DATABASE_URL", "mysql://app@db:3306/app", False),
        ("TOKENIZER", "fast", False),
        ("MAX_TOKENS", "100", False),
        ("SECRET_NAME", "web-secrets", False),
        ("DB_PASSWORD", "$(DB_PASSWORD)", False),
        ("DB_PASSWORD", "${DB_PASSWORD}", False),
        ("DB_PASSWORD", "/run/secrets/db", False),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "1", False),
        ("REQUIRE_TOKEN", "true", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/var/secrets/google/key.json", False),
        ("TLS_PRIVATE_KEY", "/etc/tls/tls.key", False),
        ("IMAGE_PULL_SECRET", "registry", False),
        ("TOKEN_TTL", "5m", False),
        ("PWD", "/srv/app", False),
        ("COMPASS", "north", False),
        ("PRIMARY_KEY", "id", False),
        ("PUBLIC_KEY", "ssh-ed25519 AAAA", False),
        ("CERTIFICATE", "-----BEGIN CERTIFICATE-----\nMII\n", False),
    ],
)
def test_no_secret_stands_in_plain_text(name: str, value: str, refused: bool) -> None:
    places = [
        workload(containers=[container(env=[{"name": name, "value": value}])]),
        configmap(**{name: value}),
        configmap("binaryData", **{name: base64.b64encode(value.encode()).decode()}),
        engine_container(envs=[f"{name}={value}"]),
    ]
    for each in places:
        said = list(plain_secrets(each))
        assert bool(said) is refused, each.type
        assert all("hunter22" not in message for message in said)


def test_references_to_secrets_and_unknown_values_pass() -> None:
    variables = [
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "DB_TOKEN", "value": UNKNOWN},
    ]
    assert not list(plain_secrets(workload(containers=[container(env=variables)])))
    assert list(plain_secrets(workload(containers=[container(args=["--dsn=pg://a:b@c/d"])])))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("application.properties", "db.user=a\ndb.password=hunter22\n"),
        (".env", "DB_PASSWORD=hunter22\n"),
        ("environment", "A=b\nexport DB_PASSWORD='hunter22'\n"),
        ("config.yaml", "database:\n  password: hunter22 # of the app\n"),
        ("config.yaml", "database: {user: a, password: hunter22}\n"),
        ("config.json", '{"user":"a","password":"hunter22","x":1}'),
        ("context.xml", '<Resource name="jdbc" password="hunter22" />'),
        ("settings.xml", "<server><password>hunter22</password></server>"),
        ("my.cnf", "[client]\npassword = hunter22\n"),
        ("run.sh", "#!/bin/sh\nexport PGPASSWORD=hunter22\npsql\n"),
        ("index.php", "<?php $url = 'mysql://app:hunter22@db/app';"),
        ("users.txt", KEY),
    ],
)
def test_files_in_plain_objects_are_looked_into(file: str, text: str) -> None:
    for each in (
        configmap(**{file: text}),
        Resource("kubernetes:core/v1:ConfigMapPatch", "c", "", {"data": {file: text}}),
    ):
        said = list(plain_secrets(each))
        assert len(said) == 1, said
        assert file in said[0]
        assert "hunter22" not in said[0]


@pytest.mark.parametrize(
    "text",
    [
        "# password: hunter22",
        "password: ''",
        "password: ${DB_PASSWORD}",
        "password: $DB_PASSWORD",
        "password: {{ .Values.password }}",
        "password: <from the vault>",
        "password: process.env.DB_PASSWORD,",
        'password = os.environ["DB_PASSWORD"]',
        "passwordFile: /run/secrets/db",
        "password:",
        "location / { proxy_pass http://back:8080; }",
        "auth_basic_user_file /etc/nginx/htpasswd;",
        "password_encryption = scram-sha-256",
        "ssl_private_key = /etc/ssl/private/x.key",
        "disable_password: true",
        "max_tokens = 5",
        'stats auth "$USER:$PASS"',
    ],
)
def test_what_is_no_secret_in_a_file_passes(text: str) -> None:
    assert not list(in_text(text))


@pytest.mark.parametrize(
    "words",
    [
        ["--password=hunter22"],
        ["mysqladmin", "--password", "hunter22"],
        ["sh", "-c", "export DB_PASSWORD=hunter22; run"],
        ["sh", "-c", "mysqladmin --password hunter22 ping"],
        ["sh", "-c", "DB_PASSWORD='hunter 22' run"],
        ["-Dspring.datasource.password=hunter22"],
    ],
)
def test_arguments_are_looked_into(words: list[str]) -> None:
    for each in (
        workload(containers=[container(args=words)]),
        workload(containers=[container(command=words)]),
        engine_container(command=words),
    ):
        said = list(plain_secrets(each))
        assert len(said) == 1, said
        assert "hunter" not in said[0]


@pytest.mark.parametrize(
    "text",
    [
        "--password=$(DB_PASSWORD)",
        'mysqladmin ping --password="$MYSQL_ROOT_PASSWORD"',
        'DB_PASSWORD="$(cat /run/secrets/db)" run',
        'if [ "$TOKEN" = "x" ]; then exit; fi',
        "--token-ttl=5m --secret-name=x --tls-private-key-file=/x --password-file /x",
        "--private-key /etc/tls/tls.key",
        "--token --verbose",
        "--no-password app",
        "connect(password=os.environ['DB_PASSWORD'])",
        "read -r password token",
        "echo the password is secret",
    ],
)
def test_what_is_no_secret_in_a_command_passes(text: str) -> None:
    assert not list(in_command(text))
    assert not list(plain_secrets(workload(containers=[container(args=text.split())])))


def test_settings_that_should_be_encrypted_are_named() -> None:
    said = list(
        plain_settings(
            {
                "altostratus:secrets": {"payment": "abc", "mail": {"secure": "v1:x"}},
                "altostratus:registryPassword": "abc",
                "aws:secretKey": {"secure": "v1:y"},
                "altostratus:cloud": "local",
            }
        )
    )
    assert len(said) == 2
    assert "altostratus:secrets.payment" in said[0]
    assert "pulumi config set --secret --path 'altostratus:registryPassword'" in said[1]


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("aws:secretKey", "abc", "aws:secretKey"),
        ("aws:secretKey", 12345678, "aws:secretKey"),
        ("altostratus:secrets", "abc", "altostratus:secrets"),
        ("altostratus:secrets", {"a": {"b": "x"}}, "altostratus:secrets.a.b"),
        ("altostratus:kubeconfig", "users:\n- user:\n    client-key-data: LS0t\n", "altostratus:kubeconfig"),
        ("altostratus:kubeconfig", "users:\n- user: {token: eyJh}\n", "altostratus:kubeconfig"),
        ("docker:registryAuth", [{"address": "r", "password": "abc"}], "docker:registryAuth[0].password"),
        ("altostratus:platform", {"registry": {"password": "abc"}}, "altostratus:platform.registry.password"),
    ],
)
def test_plain_secrets_are_found_wherever_in_a_setting_they_are(key: str, value: Any, path: str) -> None:
    (said,) = plain_settings({key: value})
    assert f"the setting {path} is in plain text" in said


@pytest.mark.parametrize(
    "config",
    [
        {"altostratus:secrets": {"secure": "v1:x"}},
        {"altostratus:secrets": {"a": {"secure": "v1:x"}}},
        {"altostratus:kubeconfig": "/home/me/.kube/config"},
        {"altostratus:kubeconfig": "users:\n- user:\n    exec: {command: aws, args: [eks, get-token]}\n"},
        {"docker:registryAuth": [{"address": "r", "password": {"secure": "v1:x"}}]},
        {"altostratus:hosts": {"sshKey": "ssh-ed25519 AAAA", "privileged": True}},
        {"altostratus:front": {"certificate": {"certificate": "shop-crt", "key": "shop-key"}}},
        {"altostratus:blueprint": ["applications/shop.yaml"], "altostratus:scale": {"clusters": {"web": 3}}},
    ],
)
def test_settings_that_are_encrypted_or_no_secrets_pass(config: dict[str, Any]) -> None:
    assert not list(plain_settings(config))
