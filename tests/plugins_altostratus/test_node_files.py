"""Which files of a host changed, and which units read them."""

import pytest

from toolchain.plugins.altostratus.node_files import changed_files, unit_of

UNITS = {"/etc/etcd/": "etcd.service", "/etc/etcd/pki/": "etcd-reload.service"}


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/etc/etcd/etcd.yaml", "etcd.service"),
        ("/etc/etcd/pki/ca.crt", "etcd-reload.service"),
        ("/etc/motd", None),
    ],
)
def test_the_longest_prefix_names_the_unit(path: str, unit: str | None) -> None:
    assert unit_of(path, UNITS) == unit


def test_a_changed_mode_is_a_changed_file() -> None:
    old, new = ({"/etc/a": {"content": "x", "mode": mode}} for mode in ("0644", "0600"))
    assert list(changed_files(old, new, {}).written) == ["/etc/a"]
    assert changed_files(old, old, {}).written == {}
