"""Measures placement: 10,000 members over 20 partitions on 200 hosts.

Run as `python -m bench.placement`; prints one JSON object with milliseconds of the median run.
"""

import json
import statistics
import time

from policies.placement.place import place
from policies.placement.problem import Demand, Host, Network, Order, Place, Problem, Rules, Share

RUNS = 9
MEMBERS = 10_000
ZONES = 5
CLOUDS = ("c1", "c2", "c3", "c4")
HOSTS = 200
ORDERS: tuple[Order, ...] = ("one-after-another", "round-robin", "weighted", "round-robin")


def rules(most: int) -> Rules:
    """Four network partitions of five zones each, filled in different orders."""
    networks = tuple(
        Network(
            cloud,
            order,
            tuple(
                Share(Place(cloud, f"zone-{z}", cloud, f"z{z}", cost=0.01 * z), most, 1 if z == 1 else 0, z)
                for z in range(1, ZONES + 1)
            ),
        )
        for cloud, order in zip(CLOUDS, ORDERS, strict=True)
    )
    return Rules("wide", tuple((each,) for each in networks), spread="zones", prefer_cheap=True, quota=20_000)


def hosts() -> dict[str, tuple[Host, ...]]:
    """Hosts with just a tenth more room than is needed, so that fragments count."""
    each = MEMBERS * 11 // 10 // HOSTS
    return {
        cloud: tuple(
            Host(f"h{n}", each * 250 + 100, each * 2**28, 110, f"z{n % ZONES + 1}")
            for n in range(HOSTS // len(CLOUDS))
        )
        for cloud in CLOUDS
    }


def problem(clusters: int, *, running: bool) -> Problem:
    """`clusters` that want all members together; where they run already, a tenth more or less is wanted."""
    by = rules(most=MEMBERS // 20 if clusters == 1 else 2 * MEMBERS // clusters)
    size = MEMBERS // clusters
    demands = tuple(Demand(f"c{n}", size, by, 1, 250, 2**28) for n in range(clusters))
    if not running:
        return Problem(demands, hosts())
    settled = place(Problem(demands, hosts())).clusters
    changed = tuple(
        Demand(
            d.cluster,
            size + (size // 10 if n % 2 else -size // 10),
            by,
            1,
            250,
            2**28,
            settled[d.cluster].members,
        )
        for n, d in enumerate(demands)
    )
    return Problem(changed)


def milliseconds(of: Problem) -> float:
    """Processor time of the median run; unlike wall time, it does not grow on a busy machine."""
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        result = place(of)
        times.append(time.process_time() - began)
        if of.hosts and result.unplaced:
            raise SystemExit(f"{result.unplaced} members found no place")
    return round(statistics.median(times) * 1000, 1)


def main() -> None:
    """Measure and print."""
    print(
        json.dumps(
            {
                f"{clusters}_clusters_{'resized' if running else 'new'}_ms": milliseconds(
                    problem(clusters, running=running)
                )
                for clusters in (1, 100, 1000)
                for running in (False, True)
            }
        )
    )


if __name__ == "__main__":
    main()
