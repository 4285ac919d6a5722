"""Service levels: what is counted, journalled, folded and reported, and that nothing unknown looks good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.journal.journal import Journal
from autoscaler.journal.records import ServiceRow
from autoscaler.journal.rotation import DAY, Keep
from autoscaler.serve.levels import HOUR, MINUTE, Levels, report
from blueprints.kinds.objectives import LatencyObjective, Objectives
from blueprints.quantities import Duration, Percent
from toolchain import paths

START = 1_700_000_000.0 - 1_700_000_000.0 % HOUR
PROMISED = Objectives(
    availability=Percent("99%"), latency=(LatencyObjective(within=Duration("300ms"), share=Percent("90%")),)
)


def minute(number: int, requests: float = 100.0, errors: float = 0.0, **more: object) -> ServiceRow:
    """A whole minute that was looked at, counted and watched."""
    row = ServiceRow(START + number * MINUTE, MINUTE, "app-shop", "shop", requests, errors, 60.0, 60.0, 60.0)
    return replace(row, **{"slow": {"0.3": (requests, errors)}, **more})  # type: ignore[arg-type]


def told(rows: Sequence[ServiceRow], begin: float = START, end: float = START + HOUR) -> Levels:
    return report("shop", rows, PROMISED, begin, end)


def test_the_budget_is_spent_by_what_was_bad() -> None:
    found = told([minute(n, 100, 1 if n < 30 else 0) for n in range(60)])
    available, fast = found.promises
    assert (available.requests, available.bad, available.kept) == (6000, 30, True)
    assert available.achieved == pytest.approx(0.995)
    assert (available.budget, available.left) == (pytest.approx(60), pytest.approx(0.5))
    assert available.burn == {1.0: pytest.approx(0.5), 6.0: pytest.approx(0.5)}
    assert (fast.budget, fast.left) == (pytest.approx(600), pytest.approx(0.95))
    assert not found.gaps
    worse = told([minute(n, 100, 3) for n in range(60)]).promises[0]
    assert (worse.kept, worse.left) == (False, pytest.approx(-2.0))


def test_nothing_measured_is_no_data_and_not_all_well() -> None:
    for rows in ([], [replace(minute(0), requests=0.0, counted=0.0, watched=0.0, slow={})]):
        for promise in told(rows).promises:
            assert (promise.achieved, promise.kept, promise.left) == (None, None, None)
    assert told([]).measured is None


def test_a_threshold_that_was_not_counted_then_is_no_data() -> None:
    rows = [minute(0), minute(1, slow={"0.5": (100.0, 50.0)})]
    assert told(rows).promises[1].requests == 100
    assert told(rows).promises[0].requests == 200


def test_what_nobody_measured_is_told_apart() -> None:
    rows = [minute(n) for n in range(60) if not 10 <= n < 20]
    rows[30] = replace(rows[30], counted=20.0)
    hidden, unseen, partly = told(rows).gaps
    assert {(gap.what, gap.begin, gap.end, gap.seconds) for gap in (hidden, unseen)} == {
        (what, START + 10 * MINUTE, START + 20 * MINUTE, 600.0) for what in ("requests", "members")
    }
    assert (partly.what, partly.begin, partly.seconds) == ("requests", START + 40 * MINUTE, 40.0)


def test_a_promise_is_not_kept_through_an_outage_that_nobody_counted() -> None:
    rows = [minute(n) for n in range(50)]
    outage = [minute(n, 0, slow={}, counted=0.0, down=60.0) for n in range(50, 60)]
    available, fast = told([*rows, *outage]).promises
    # Of 10 minutes in an hour it is known that nobody served, and not how long answers took.
    assert (available.achieved, available.kept) == (1.0, False)
    assert (fast.achieved, fast.kept) == (1.0, None)
    # So it is where no request came at all.
    assert told(outage).promises[0].kept is False
    # What one per cent of the time allows is no breach.
    short = [*rows, minute(50, down=30.0), *[minute(n) for n in range(51, 60)]]
    assert [each.kept for each in told(short).promises] == [True, True]


def test_too_much_time_that_nobody_counted_leaves_the_verdict_open() -> None:
    rows = [minute(n) for n in range(60) if not 10 <= n < 14]
    available, fast = told(rows).promises
    assert (available.achieved, available.kept) == (1.0, None)
    # Of latency a tenth may be bad: 4 minutes in an hour are less.
    assert fast.kept is True
    bad = [minute(n, 100, 3) for n in range(60) if not 10 <= n < 14]
    assert told(bad).promises[0].kept is False, "what is spent stays spent"
    # Errors that only a front door counted say nothing of the requests that went well.
    fronted = ServiceRow(START, MINUTE, "front-shop", "shop", requests=100.0)
    assert told([fronted]).promises[0].kept is None


def test_it_is_down_only_where_no_copy_serves() -> None:
    home, away = minute(0, down=60.0), minute(0, stack="app-shop--away")
    assert told([home, away]).down == 0.0
    assert told([home, replace(away, down=45.0)]).down == 45.0
    assert told([home, replace(away, looked=10.0, watched=10.0, counted=10.0)]).down == 50.0
    # A cloud that does not answer may serve or not: it is no help, and no time that was watched.
    assert told([home, replace(away, watched=0.0)]).down == 60.0
    assert told([replace(home, watched=0.0, down=0.0), replace(away, watched=0.0)]).watched == 0.0


def test_requests_of_all_copies_count_and_one_that_is_silent_leaves_the_time_uncounted() -> None:
    home, away = minute(0, 100, 1), minute(0, 50, 2, stack="app-shop--away", counted=15.0)
    found = told([home, away])
    assert (found.requests, found.errors, found.counted) == (150, 3, 15.0)


counts = st.integers(0, 1000)
rows_of = st.lists(
    st.builds(
        lambda at, requests, bad, slow, looked, counted, watched, down, away: ServiceRow(
            START + at * MINUTE, MINUTE, "app-shop--away" if away else "app-shop", "shop",
            float(requests), float(min(bad, requests)), min(counted, looked), looked, min(watched, looked),
            min(down, watched, looked), {"0.3": (float(requests), float(min(slow, requests)))},
        ),
        st.integers(0, 59), counts, counts, counts,
        *(st.floats(0, 60) for _ in range(4)), st.booleans(),
    ),
    max_size=40,
    unique_by=lambda row: (row.at, row.stack),
)  # fmt: skip


@given(rows_of)
@settings(max_examples=80, deadline=None)
def test_shares_stay_shares_and_the_books_balance(rows: list[ServiceRow]) -> None:
    found = told(rows)
    for promise in found.promises:
        assert (promise.achieved is None) == (promise.requests == 0)
        assert promise.achieved is None or 0.0 <= promise.achieved <= 1.0
        assert promise.left is None or promise.left <= 1.0
        # A budget that is spent stays spent; one that is not says nothing of time that nobody knows.
        if promise.left is not None and promise.left < -1e-9:
            assert promise.kept is False
        assert promise.kept is not True or (promise.left is not None and promise.left >= -1e-9)
        assert sum(hour.bad for hour in promise.worst) == pytest.approx(promise.bad)
    assert found.requests == pytest.approx(sum(row.requests for row in rows))
    assert found.down <= found.watched + 1e-6
    assert all(gap.seconds <= gap.end - gap.begin + 1e-6 for gap in found.gaps)


@given(rows_of, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_more_errors_never_look_better(rows: list[ServiceRow], more: int) -> None:
    if not rows:
        return
    worse = [replace(rows[0], requests=rows[0].requests + more, errors=rows[0].errors + more), *rows[1:]]
    before, after = told(rows).promises[0].achieved, told(worse).promises[0].achieved
    if before is not None and after is not None:
        assert after <= before + 1e-12


@given(rows_of)
@settings(max_examples=25, deadline=None)
def test_folding_into_hours_loses_no_request(
    tmp_path_factory: pytest.TempPathFactory, rows: list[ServiceRow]
) -> None:
    now = START + 3 * DAY + 2 * HOUR
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite", clock=lambda: now)
    journal.served(rows)
    before = told(journal.service("shop"))
    journal.rotate()
    folded = journal.service("shop")
    assert len(folded) == len({row.stack for row in rows})
    assert all(row.seconds == HOUR for row in folded)
    after = told(folded)
    assert (after.requests, after.errors) == (pytest.approx(before.requests), pytest.approx(before.errors))
    for old, new in zip(before.promises, after.promises, strict=True):
        assert (new.requests, new.bad) == (pytest.approx(old.requests), pytest.approx(old.bad))
    journal.rotate()
    assert journal.service("shop") == folded
    journal.close()


def test_parts_of_a_minute_add_up_and_other_applications_are_apart(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.served([minute(0, 10, 1, looked=20.0), minute(1)])
    journal.served(
        [minute(0, 5, 2, looked=40.0), replace(minute(0), stack="app-shopping", application="shopping")]
    )
    first, second = journal.service("shop")
    assert (first.requests, first.errors, first.looked, first.slow) == (15, 3, 60.0, {"0.3": (15, 3)})
    assert journal.service("shop", START + MINUTE) == [second]
    journal.close()


def test_the_journal_stays_small(tmp_path: Path) -> None:
    now = START + 500 * DAY
    journal = Journal(tmp_path / "journal.sqlite", clock=lambda: now)
    old = [replace(minute(0), at=START + day * DAY, seconds=HOUR) for day in range(500)]
    journal.served(old)
    journal.rotate()
    assert {row.at for row in journal.service("shop")} == {row.at for row in old[100:]}
    journal.rotate(Keep(largest=0))
    assert not journal.service("shop")
    journal.close()


def test_the_report_follows_its_schema() -> None:
    schema = (paths.root() / "docs" / "schemas" / "service-levels.schema.json").read_text("utf-8")
    jsonschema.validate(told([minute(0, 10, 1), minute(5)]).as_json(), json.loads(schema))
    jsonschema.validate(told([]).as_json(), json.loads(schema))
