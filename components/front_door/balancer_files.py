"""The configuration of a front door's balancer: the HAProxy driver's, with a backend for each place. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from blueprints.balancing.front import PLACES, SPLIT
from blueprints.balancing.model import DIRECT_TENANT, Backend, Balancer, PlannedListener, Rule, Split
from blueprints.kinds.load_balancer import HealthCheck, LoadBalancer, Retries, Timeouts
from blueprints.quantities import Duration
from components.front_door.driver import Front
from components.load_balancer.drivers.driver import Facts
from components.load_balancer.drivers.haproxy import template
from components.load_balancer.drivers.neutral import balancer_json

LISTENER = "front"
_WITHIN: Any = ("connect", "empty", "timeout")
_MARKER = "# altostratus:backend"


def balancer_files(front: Front) -> Mapping[str, str]:
    """`balancer.json` and `haproxy.cfg`. They name no cloud: those come and go as control data."""
    balancer = _balancer(front)
    certificates = {LISTENER: [LISTENER]} if front.scheme == "https" else {}
    facts = Facts("", 1, {LISTENER: front.port}, certificates, front.listen)
    lines = _standing_by(template(balancer, facts))
    return {"balancer.json": _model(balancer, facts), "haproxy.cfg": "\n".join(lines) + "\n"}


def _balancer(front: Front) -> Balancer:
    name = f"front-{front.application}"
    document = LoadBalancer(
        name=name,
        # A dead cloud is found out within three seconds, a busy one is not found dead. The interval is also
        # how long a check may take to connect, the timeout how long an answer may take after that.
        health=HealthCheck(
            path=front.health_path, interval=Duration("700ms"), timeout=Duration("900ms"), rise=1, fall=2
        ),
        # Tries may be spent on the hosts of a cloud that has just died; and a cloud that is alone and takes
        # no connections for a moment is tried once a second.
        retries=Retries(attempts=10, **({} if front.answer_within is None else {"on": _WITHIN})),
        timeouts=Timeouts(
            connect=Duration("1s"),
            **({} if front.answer_within is None else {"server": Duration(front.answer_within)}),
        ),
    )
    listener = PlannedListener(
        LISTENER, front.port, front.port, front.scheme, None, False, True, None, None, ()
    )
    rule = Rule(LISTENER, None, "/", None, SPLIT, DIRECT_TENANT, (LISTENER,))
    first, *others = PLACES
    return Balancer(
        name=name,
        scope="application",
        level="",
        application=front.application,
        copy="",
        namespace="",
        document=document,
        listeners=(listener,),
        rules=(rule,),
        splits=(Split(SPLIT, ((first, 1), *((each, 0) for each in others)), False),),
        backends=tuple(
            Backend(each, each, each, "", "", "", front.copies, 0, 0, selector={}) for each in PLACES
        ),
        hosts=front.hosts,
        selector={},
        labels={},
    )


def _model(balancer: Balancer, facts: Facts) -> str:
    """The balancer's model, whose members are told instead of found in a cluster."""
    model: dict[str, Any] = json.loads(balancer_json(balancer, facts, "haproxy"))
    model["control"] = ""
    for backend in model["backends"].values():
        del backend["service"]
        backend["addresses"] = []
    return json.dumps(model, indent=1, sort_keys=True) + "\n"


def _standing_by(lines: Iterator[str]) -> Iterator[str]:
    """All who stand by for a dead cloud serve, not the first of them alone."""
    for line in lines:
        if line.strip().startswith(_MARKER):
            yield "    option allbackups"
        yield line
