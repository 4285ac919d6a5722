"""A front door as a name in Route 53: weighted records, one for each cloud, with the cloud's health check.

DNS carries no ports and is remembered by its readers: all copies show themselves at the same port, and a
change takes up to `ttl` seconds more. The options: `zone` (the hosted zone's id), `name` (the name in it),
`ttl` (seconds, 10 to 300; left out, 30).
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import pulumi
import pulumi_aws as aws

from components.front_door.driver import Front, FrontCloud, Made, Place

MOST_WEIGHT = 255
"""Route 53's own bound."""
USUAL_TTL = 30
_OPTIONS = ("zone", "name", "ttl")
_INTERVAL = 10  # seconds between checks, the least there is
_FAILURES = 2


class AwsFront:
    """Front doors in Route 53."""

    def problems(self, front: Front) -> Sequence[str]:
        """What it cannot do of that, in words. Pure."""
        found = [
            f"options.{key} is missing, which the driver aws needs"
            for key in ("zone", "name")
            if not front.options.get(key)
        ]
        found += [
            f"options.{key} is no option of the driver aws, which has {', '.join(_OPTIONS)}"
            for key in front.options
            if key not in _OPTIONS
        ]
        ttl = front.options.get("ttl", str(USUAL_TTL))
        if not ttl.isdigit() or not 10 <= int(ttl) <= 300:
            found.append(f"options.ttl is {ttl!r}; it must be from 10 to 300 seconds")
        ports = {port for cloud in front.clouds.values() for _, port in cloud.addresses}
        if len(ports) > 1:
            shown = ", ".join(map(str, sorted(ports)))
            found.append(
                f"the copies are at the ports {shown}; DNS carries no ports, so all must be at the same "
                "(nodePort of the listener, or a LoadBalancer of driver aws)"
            )
        for name, cloud in front.clouds.items():
            names = [host for host, _ in cloud.addresses if not _is_ip(host)]
            if names and len(cloud.addresses) > 1:
                found.append(f"{name} has {len(cloud.addresses)} addresses; one that is a name must be alone")
        kinds = {_kind(cloud) for cloud in front.clouds.values()}
        if len(kinds) > 1:
            found.append("some copies are at IP addresses and some at names; one name cannot be both")
        if front.answer_within is not None:
            found.append("answerWithin: DNS sees no requests; give it to the copies' own load balancers")
        if front.certificate is not None:
            found.append("certificate: DNS ends no TLS; give it to the copies' own load balancers")
        return found

    def create(self, front: Front, place: Place, parent: pulumi.Resource) -> Made:
        """Register the records and their checks."""
        options = pulumi.ResourceOptions(parent=parent)
        name, zone = front.options["name"], front.options["zone"]
        ttl = int(front.options.get("ttl", USUAL_TTL))
        weights = scaled({cloud: each.weight for cloud, each in front.clouds.items()})
        made = [
            aws.route53.Record(
                f"front-{front.application}-{cloud}",
                zone_id=zone,
                name=name,
                type=_kind(each),
                ttl=ttl,
                records=[host for host, _ in each.addresses],
                set_identifier=cloud,
                health_check_id=_check(front, cloud, each, options).id,
                weighted_routing_policies=[
                    aws.route53.RecordWeightedRoutingPolicyArgs(weight=weights[cloud])
                ],
                opts=options,
            )
            for cloud, each in front.clouds.items()
            if each.addresses
        ]
        port = next((port for each in front.clouds.values() for _, port in each.addresses), front.port)
        usual = 443 if front.scheme == "https" else 80
        url = f"{front.scheme}://{name}{'' if port == usual else f':{port}'}"
        urls = pulumi.Output.all(*(each.fqdn for each in made)).apply(lambda _: [url])
        return Made(urls, "config", {"settles": float(ttl + _INTERVAL * _FAILURES)})


def scaled(weights: Mapping[str, int]) -> dict[str, int]:
    """The weights within Route 53's bound; nobody with any is left without. Pure."""
    most = max(weights.values(), default=0)
    if most <= MOST_WEIGHT:
        return dict(weights)
    return {name: max(1, weight * MOST_WEIGHT // most) if weight else 0 for name, weight in weights.items()}


def _check(
    front: Front, cloud: str, each: FrontCloud, opts: pulumi.ResourceOptions
) -> aws.route53.HealthCheck:
    """A cloud serves as long as one of its addresses does."""
    tags = {"altostratus.application": front.application, "altostratus.cloud": cloud}
    path = front.health_path
    kind = "TCP" if path is None else front.copies.upper()
    single = [
        aws.route53.HealthCheck(
            f"front-{front.application}-{cloud}-{number}",
            type=kind,
            **({"ip_address": host} if _is_ip(host) else {"fqdn": host}),
            port=port,
            resource_path=path,
            request_interval=_INTERVAL,
            failure_threshold=_FAILURES,
            tags=tags,
            opts=opts,
        )
        for number, (host, port) in enumerate(each.addresses)
    ]
    if len(single) == 1:
        return single[0]
    return aws.route53.HealthCheck(
        f"front-{front.application}-{cloud}",
        type="CALCULATED",
        child_healthchecks=[check.id for check in single],
        child_health_threshold=1,
        tags=tags,
        opts=opts,
    )


def _kind(cloud: FrontCloud) -> str:
    hosts = [host for host, _ in cloud.addresses]
    if all(_is_ip(host) for host in hosts):
        return "AAAA" if hosts and all(":" in host for host in hosts) else "A"
    return "CNAME"


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
