"""Images are made from the mirrors that the machine itself uses."""

from pathlib import Path

import pytest

from toolchain import apt_sources


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_debians_own_mirrors_are_taken_from_stanzas_and_other_vendors_left_out(apt: Path) -> None:
    (apt / "sources.list.d/debian.sources").write_text(
        "Types: deb\n# a comment\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        "\n"
        "Types: deb\nURIs: http://mirror.test/security\nSuites:\n bookworm-security\nComponents: main\n"
    )
    (apt / "sources.list.d/node.sources").write_text(
        "Types: deb\nURIs: https://node.test/deb\nSuites: nodistro\nComponents: main\n"
    )
    (apt / "sources.list.d/hashi.list").write_text(
        "deb [arch=amd64 signed-by=/etc/apt/keyrings/hashi.gpg] https://hashi.test bookworm main\n"
    )
    assert apt_sources.lines("bookworm", apt) == [
        "deb http://mirror.test/debian bookworm main",
        "deb http://mirror.test/debian bookworm-updates main",
        "deb http://mirror.test/security bookworm-security main",
    ]


def test_a_machine_of_another_release_lends_its_mirror_for_the_wanted_one(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "# deb http://commented.test/debian trixie main\n"
        "deb-src http://mirror.test/debian trixie main\n"
        "deb [signed-by=/k/debian-archive-keyring.gpg] http://mirror.test/debian trixie main\n"
        "deb http://mirror.test/security trixie-security main # updates\n"
    )
    assert apt_sources.lines("bookworm", apt) == [
        "deb http://mirror.test/debian bookworm main",
        "deb http://mirror.test/security bookworm-security main",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "deb http://ubuntu.test/ubuntu noble main universe\n",
        "deb http://mirror.test/debian bookworm-security main\n",
        "deb cdrom:[Debian]/ bookworm main\n",
    ],
    ids=["none", "another distribution", "updates alone", "a disc"],
)
def test_where_no_mirror_can_make_a_whole_system_none_is_given(apt: Path, text: str) -> None:
    (apt / "sources.list").write_text(text)
    assert apt_sources.lines("bookworm", apt) == []


def test_a_disabled_stanza_is_not_used(apt: Path) -> None:
    (apt / "sources.list.d/debian.sources").write_text(
        "Enabled: no\nTypes: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\nComponents: main\n"
    )
    assert apt_sources.lines("bookworm", apt) == []
