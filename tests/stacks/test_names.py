"""A stack's name says what it makes."""

import pytest

from stacks.names import StackName, UnknownStack, parse, reference


@pytest.mark.parametrize(
    ("text", "kind", "subject", "cloud"),
    [
        ("hosts-local", "hosts", "local", "local"),
        ("platform-north-1", "platform", "north-1", "north-1"),
        ("app-shop", "app", "shop", None),
        ("app-web-shop", "app", "web-shop", None),
        ("app-shop--away", "app", "shop", "away"),
        ("front-shop", "front", "shop", None),
    ],
)
def test_each_kind_of_stack_is_known_by_its_name(
    text: str, kind: str, subject: str, cloud: str | None
) -> None:
    assert parse(text) == StackName(text, kind, subject, cloud)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["dev", "hosts-", "host-local", "app", "app-", "app---away", "app-shop--", "front-"]
)
def test_any_other_name_is_refused_with_the_names_there_are(text: str) -> None:
    with pytest.raises(UnknownStack) as refused:
        parse(text)
    assert repr(text) in str(refused.value)
    assert all(
        kind in str(refused.value)
        for kind in ("hosts-CLOUD", "platform-CLOUD", "app-NAME--CLOUD", "front-NAME")
    )


def test_stacks_refer_to_each_other_within_the_project() -> None:
    assert reference("hosts-local") == "organization/altostratus/hosts-local"
