"""The nearest known name to a misspelt one."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The closest of `known`, by edits with swaps of neighbours, or nothing where none is close.

    Case, hyphens and underscores count for nothing. A third of the letters may be wrong.
    """
    if len(word) > 64:
        return ""
    plain = _plain(word)
    if len(plain) < 2:
        return ""
    best, best_distance = "", max(len(plain) // 3, 1) + 1
    for candidate in known:
        other = _plain(candidate)
        if abs(len(other) - len(plain)) >= best_distance:
            continue
        distance = _distance(plain, other, best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def _distance(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance; `limit` or more means only that."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
        before, last = last, row
    return last[-1]
