"""Where whole copies of an application go, and how they share its load. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

from blueprints.kinds.application_policy import ApplicationPolicy


@dataclass(frozen=True, slots=True)
class NextCopy:
    """The network partitions of the next copy, or none, for the reason."""

    networks: tuple[str, ...]
    reason: str


def first_copies(policy: ApplicationPolicy) -> tuple[tuple[str, ...], ...]:
    """The groups of network partitions that have a copy from the beginning: the first, or all at once."""
    return policy.groups if policy.order == "all-at-once" else policy.groups[:1]


def next_copy(
    policy: ApplicationPolicy, occupied: Collection[str], unfit: Mapping[str, str] | None = None
) -> NextCopy:
    """The first group in order that has no copy now. A group that was left can be used again.

    `occupied`: network partitions with a copy; `unfit`: those that cannot take one, with the reason.
    """
    if policy.burst is None:
        return NextCopy((), f"{policy.name} has no burst: the application stays where it is")
    passed = []
    for group in policy.groups:
        named = " and ".join(group)
        if any(name in occupied for name in group):
            passed.append(f"{named} has a copy")
        elif bad := [f"{name} {unfit[name]}" for name in group if unfit and name in unfit]:
            passed.append(", ".join(bad))
        else:
            before = f" ({'; '.join(passed)})" if passed else ""
            return NextCopy(group, f"{named} is the next in {policy.name}{before}")
    return NextCopy((), f"{policy.name} has no place left: {'; '.join(passed)}")


def last_copy(policy: ApplicationPolicy, occupied: Collection[str], home: Collection[str]) -> tuple[str, ...]:
    """The group whose copies go first when the peak is over: the last in order that has any beside the home.

    `home`: the network partitions of the application's home, which after a move need not be the first. What
    is used together with it from the beginning stays with it.
    """
    copies = {name for name in occupied if name not in home}
    first = policy.groups[0]
    kept = first if any(name in home for name in first) else ()
    return next(
        (group for group in reversed(policy.groups) if group != kept and copies.intersection(group)), ()
    )


def shares(total: int, capacity: Mapping[str, int]) -> dict[str, int]:
    """`total` (members, or weight) over copies by capacity; whole numbers that sum up to it.

    Largest remainders first, the earlier on a tie. Without any capacity nobody gets any.
    """
    whole = sum(capacity.values())
    if whole <= 0:
        return dict.fromkeys(capacity, 0)
    exact = {name: Fraction(total * part, whole) for name, part in capacity.items()}
    given = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: given[name] - exact[name])
    for name in by_remainder[: total - sum(given.values())]:
        given[name] += 1
    return given
