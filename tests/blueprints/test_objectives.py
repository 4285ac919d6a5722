"""Objectives of an application: strict, and every fault told at once."""

from tests.blueprints.workbench import findings_of

START = """
kind: Application
name: shop
cartridges: [{alias: web, cartridge: php}]
"""


def test_objectives_tell_every_fault_at_once() -> None:
    found = findings_of(
        f"{START}objectives: {{availability: 100%, window: 5m, latency: [{{within: 300ms, share: 0%}}]}}"
    )
    assert {(f.code, f.path) for f in found} == {
        ("ALT1113", "objectives.availability"),
        ("ALT1113", "objectives.latency[0].share"),
        ("ALT1113", "objectives.window"),
    }


def test_objectives_promise_something_and_nothing_twice() -> None:
    (empty,) = findings_of(f"{START}objectives: {{window: 7d}}")
    assert (empty.code, empty.path) == ("ALT1111", "objectives")
    twice = "latency: [{within: 300ms}, {within: 300ms, share: 90%}]"
    (again,) = findings_of(f"{START}objectives: {{{twice}}}")
    assert (again.code, again.path) == ("ALT1114", "objectives.latency[1].within")


def test_objectives_with_their_units_are_taken() -> None:
    assert not findings_of(f"{START}objectives: {{availability: 99.95%, latency: [{{within: 300ms}}]}}")
