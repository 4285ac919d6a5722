"""A load step to ready capacity: ours, a real HPA and a real KEDA by turns, the same step, in the same run.

Three applications that are alike but for their names, each behind its own load balancer, each with one
member and a calm load. In each round each competitor has the step once, while the others stay calm; who
begins changes from round to round. Ours has two turns: by what the kubelets tell alone (`ours-cpu`, what the
HPA sees), and by what the balancers tell as well (`ours-all`, what KEDA sees). When the step comes within the
15 s of an HPA's period is left to chance.
"""

from __future__ import annotations

import math
import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from autoscaler.act.environment import pulumi
from bench.step.applications import CLOUD, NEEDED, OURS, deployed
from bench.step.cluster import order, replicas, wait
from bench.step.figures import Seen, summary, turns
from bench.step.hpa import Hpa, metrics
from bench.step.keda import APPLICATION as KEDA
from bench.step.keda import POLLING, Keda, may_read
from bench.step.keda_install import installed
from bench.step.ours import THRESHOLDS, Ours, autoscaled
from bench.step.traffic import Traffic
from console import credentials
from toolchain import paths
from toolchain.plugins.kubernetes import kubeconfig as kubeconfigs
from toolchain.plugins.kubernetes.client import Client

CALM, STEP = 1.0, 8.0  # requests a second before and after
CALM_SECONDS, PERIOD = 30.0, 15.0
LIMIT = 240.0
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COMPETITORS = (*THRESHOLDS, Hpa.name, *POLLING)


class Competitor(Protocol):
    """Who scales an application from one member up."""

    name: str
    application: str

    def begin(self) -> None:
        """One member, and nothing left of the turn before."""

    def calm(self) -> bool:
        """Whether it has its figures and keeps one member."""

    def rest(self) -> None:
        """Back at one member."""


def steps(rounds: int, names: Sequence[str]) -> None:
    """Run the rounds and print each turn, then medians and ratios."""
    cli = pulumi()
    file = credentials.refresh(cli, CLOUD)
    if file is None:
        raise SystemExit("the demo's cluster is needed: ./alto demo")
    cluster = kubeconfigs.resolve(kubeconfigs.parse(file.read_text()))
    client = Client(cluster)
    folder = paths.home() / "bench"
    folder.mkdir(exist_ok=True)
    competitors = [_competitor(name, client, cluster, folder) for name in names]
    for each in INTERRUPTIONS:
        signal.signal(each, _interrupted)
    found: list[Mapping[str, Seen]] = []
    with ExitStack() as stack:
        applications = dict.fromkeys(each.application for each in competitors)
        urls = {name: stack.enter_context(deployed(cli, name, folder)) for name in applications}
        for name in applications:
            _pull_images(client, name)
        if KEDA in applications:
            stack.enter_context(installed(client, cluster, folder))
            stack.enter_context(may_read(client))
        if Hpa.application in applications:
            stack.enter_context(metrics(client, file, folder))
        if OURS in applications:
            stack.enter_context(autoscaled(folder))
        traffic = {name: Traffic(url, CALM) for name, url in urls.items()}
        for sent in traffic.values():
            stack.callback(sent.end)
        try:
            for number in range(rounds):
                found.append(_round(client, competitors, traffic, number))
        finally:
            print("\n".join(["", *summary(found, list(THRESHOLDS), [Hpa.name, *POLLING])]), flush=True)


def _competitor(name: str, client: Client, cluster: kubeconfigs.Cluster, folder: Path) -> Competitor:
    if name in THRESHOLDS:
        return Ours(name, client, folder)
    return Keda(name, client, cluster) if name in POLLING else Hpa(client)


def _interrupted(number: int, frame: object) -> None:
    """End in order, once: what was made has to go."""
    for each in INTERRUPTIONS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(130)


def _pull_images(client: Client, application: str) -> None:
    """All start with their images on every host: pulling them is no part of scaling."""
    order(client, application, NEEDED)
    wait(lambda: replicas(client, application) == (NEEDED, NEEDED), "images on the hosts")
    order(client, application, 1)


def _round(
    client: Client, competitors: Sequence[Competitor], traffic: Mapping[str, Traffic], number: int
) -> dict[str, Seen]:
    by_name = {each.name: each for each in competitors}
    found = {}
    for name in turns(list(by_name), number):
        found[name] = seen = _turn(client, by_name[name], traffic[by_name[name].application])
        print(
            f"round {number + 1}, {name}: ordered after {seen.ordered:.1f} s, {NEEDED} ready after "
            f"{seen.ready:.1f} s; load average {seen.load:.1f}",
            flush=True,
        )
    return found


def _turn(client: Client, competitor: Competitor, traffic: Traffic) -> Seen:
    """One step of one of them, from calm to calm."""
    competitor.begin()
    try:
        wait(competitor.calm, f"{competitor.name} is calm")
        calm_until = time.monotonic() + CALM_SECONDS + random.uniform(0.0, PERIOD)  # noqa: S311
        wait(lambda: time.monotonic() > calm_until and competitor.calm(), f"{competitor.name} is calm")
        traffic.rate = STEP
        return _follow(client, competitor.application, time.monotonic())
    finally:
        traffic.rate = CALM
        competitor.rest()


def _follow(client: Client, application: str, begun: float) -> Seen:
    ordered = ready = math.inf
    while ready == math.inf and time.monotonic() - begun < LIMIT:
        wanted, serving = replicas(client, application)
        passed = time.monotonic() - begun
        if wanted >= NEEDED:
            ordered = min(ordered, passed)
        if serving >= NEEDED:
            ready = passed
        time.sleep(0.2)
    return Seen(ordered, ready, os.getloadavg()[0])
