"""The AWS driver: an Application Load Balancer for http and https, a Network one for tcp and tls.

Members stay in their targets by the AWS Load Balancer Controller, which the cluster must run: a
TargetGroupBinding for each backend follows the endpoints of a Service made here.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from blueprints.balancing import catalogue
from blueprints.balancing.model import Backend, Balancer, PlannedListener
from components.hosts.certificates import AUTHORITY_HOURS, CERTIFICATE_HOURS, RENEW_BEFORE_HOURS
from components.hosts.pki import Certificate, CertificateAuthority
from components.load_balancer.drivers.aws_plan import kind_of, planned_group, planned_listener, short_name
from components.load_balancer.drivers.driver import Facts, Made, Site
from components.load_balancer.workload import Names
from components.pods.errors import ApplicationError
from components.pods.workload import SKIP_AWAIT

_TLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"


class Aws:
    """Load balancers of Amazon Web Services."""

    capabilities = catalogue.AWS

    def configuration(self, balancer: Balancer, facts: Facts) -> Mapping[str, str]:
        """`aws.json`: listeners with their rules, and target groups, as they will be made. Pure."""
        plan = {
            "listeners": {each.name: planned_listener(balancer, each) for each in balancer.listeners},
            "targetGroups": {each.key: planned_group(balancer, each) for each in balancer.backends},
        }
        return {"aws.json": json.dumps(plan, indent=1, sort_keys=True) + "\n"}

    def create(self, balancer: Balancer, site: Site, parent: pulumi.Resource) -> Made:
        """Register the balancers, their listeners, rules, target groups, and what keeps members in them."""
        facts = Facts(site.cloud, 0, {each.name: each.port for each in balancer.listeners})
        plan = json.loads(self.configuration(balancer, facts)["aws.json"])
        return _Making(balancer, site, parent, plan).made


class _Making:
    def __init__(
        self, balancer: Balancer, site: Site, parent: pulumi.Resource, plan: Mapping[str, Any]
    ) -> None:
        self._balancer, self._site, self._parent = balancer, site, parent
        self._children = pulumi.ResourceOptions(parent=parent)
        self._tags = {"altostratus.application": balancer.application, "altostratus.balancer": balancer.name}
        self._vpc = self._option("vpcId", "the VPC's id, such as vpc-0abc")
        self._subnets = _list(self._option("subnets", "ids of subnets, joined by commas"))
        self._groups = {
            each.key: self._create_target_group(each, plan["targetGroups"][each.key])
            for each in balancer.backends
        }
        for each in balancer.backends:
            self._create_binding(each)
        kinds = dict.fromkeys(kind_of(each) for each in balancer.listeners)
        self._balancers = {kind: self._create_balancer(kind) for kind in kinds}
        for listener in balancer.listeners:
            self._create_listener(listener, plan["listeners"][listener.name])
        names = [each.dns_name for each in self._balancers.values()]
        self.made = Made(
            pulumi.Output.all(*names).apply(lambda known: [str(name) for name in known]),
            {each.name: pulumi.Output.from_input(each.port) for each in balancer.listeners},
        )

    def _option(self, name: str, words: str) -> str:
        value = self._balancer.document.options.get(name)
        if not value:
            raise ApplicationError(
                f"the load balancer {self._balancer.document.name} needs the option {name} ({words}), "
                "because its driver is aws"
            )
        return str(value)

    def _create_balancer(self, kind: str) -> Any:
        document = self._balancer.document
        bucket = document.options.get("accessLogBucket")
        groups = _list(str(document.options.get("securityGroups", ""))) or [self._security_group(kind).id]
        logs = aws.lb.LoadBalancerAccessLogsArgs(bucket=str(bucket), enabled=True) if bucket else None
        http = kind == "application"
        return aws.lb.LoadBalancer(
            f"{self._balancer.name}-{kind}",
            name=short_name(self._balancer, kind[:3]),
            load_balancer_type=kind,
            internal=document.exposure == "cluster",
            subnets=self._subnets,
            security_groups=groups,
            idle_timeout=round(document.timeouts.client.seconds) if http else None,
            enable_http2=any(each.http2 for each in self._balancer.listeners) if http else None,
            drop_invalid_header_fields=True if http else None,
            preserve_host_header=True if http else None,
            access_logs=logs,
            tags=self._tags,
            opts=self._children,
        )

    def _security_group(self, kind: str) -> Any:
        ports = [each.port for each in self._balancer.listeners if kind_of(each) == kind]
        return aws.ec2.SecurityGroup(
            f"{self._balancer.name}-{kind}",
            description=f"{self._balancer.name} of {self._balancer.application}",
            vpc_id=self._vpc,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    protocol="tcp", from_port=port, to_port=port, cidr_blocks=["0.0.0.0/0"]
                )
                for port in ports
            ],
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    protocol="-1", from_port=0, to_port=0, cidr_blocks=["0.0.0.0/0"]
                )
            ],
            tags=self._tags,
            opts=self._children,
        )

    def _create_target_group(self, backend: Backend, planned: Mapping[str, Any]) -> Any:
        check, sticky = planned["healthCheck"], planned.get("stickiness")
        return aws.lb.TargetGroup(
            f"{self._balancer.name}-{backend.name}",
            name=planned["name"],
            port=planned["port"],
            protocol=planned["protocol"],
            protocol_version=planned.get("protocolVersion"),
            target_type="instance",
            vpc_id=self._vpc,
            deregistration_delay=planned["deregistrationDelay"],
            load_balancing_algorithm_type=planned.get("loadBalancingAlgorithmType"),
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=True,
                protocol=check["protocol"],
                path=check.get("path"),
                matcher=check.get("matcher"),
                interval=check["interval"],
                timeout=check["timeout"],
                healthy_threshold=check["healthyThreshold"],
                unhealthy_threshold=check["unhealthyThreshold"],
            ),
            stickiness=aws.lb.TargetGroupStickinessArgs(
                enabled=True, type=sticky["type"], cookie_duration=sticky.get("cookieDuration")
            )
            if sticky
            else None,
            tags=self._tags,
            opts=self._children,
        )

    def _create_binding(self, backend: Backend) -> None:
        name = f"{self._balancer.name}-{backend.name}".replace(".", "-")
        metadata = {"namespace": self._site.namespace, "labels": dict(self._balancer.labels)}
        service = k8s.core.v1.Service(
            name,
            metadata={**metadata, "name": name, "annotations": {SKIP_AWAIT: "true"}},
            spec={
                "type": "NodePort",
                "selector": dict(backend.selector),
                "ports": [{"name": backend.port, "port": backend.target_port, "protocol": "TCP"}],
            },
            opts=self._children,
        )
        k8s.apiextensions.CustomResource(
            name,
            api_version="elbv2.k8s.aws/v1beta1",
            kind="TargetGroupBinding",
            metadata={**metadata, "name": name},
            spec={
                "serviceRef": {"name": name, "port": backend.target_port},
                "targetGroupARN": self._groups[backend.key].arn,
                "targetType": "instance",
            },
            opts=pulumi.ResourceOptions(parent=self._parent, depends_on=[service]),
        )

    def _create_listener(self, listener: PlannedListener, planned: Mapping[str, Any]) -> None:
        certificates = list(self._certificates(listener)) if listener.protocol == "https" else []
        made = aws.lb.Listener(
            f"{self._balancer.name}-{listener.name}",
            load_balancer_arn=self._balancers[planned["kind"]].arn,
            port=planned["port"],
            protocol=planned["protocol"],
            certificate_arn=certificates[0] if certificates else None,
            ssl_policy=_TLS if certificates else None,
            default_actions=[self._default(planned["default"])],
            tags=self._tags,
            opts=self._children,
        )
        for number, arn in enumerate(certificates[1:]):
            aws.lb.ListenerCertificate(
                f"{self._balancer.name}-{listener.name}-{number}",
                listener_arn=made.arn,
                certificate_arn=arn,
                opts=self._children,
            )
        for rule in planned["rules"]:
            self._create_rule(listener, made, rule)

    def _default(self, action: Mapping[str, Any]) -> Any:
        if action["type"] == "redirect":
            to = action["redirect"]
            return aws.lb.ListenerDefaultActionArgs(
                type="redirect",
                redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                    port=to["port"], protocol=to["protocol"], status_code=to["statusCode"]
                ),
            )
        if action["type"] == "fixed-response":
            said = action["fixedResponse"]
            return aws.lb.ListenerDefaultActionArgs(
                type="fixed-response",
                fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                    content_type=said["contentType"],
                    message_body=said["messageBody"],
                    status_code=said["statusCode"],
                ),
            )
        targets = action["targets"]
        if len(targets) == 1:
            return aws.lb.ListenerDefaultActionArgs(
                type="forward", target_group_arn=self._groups[targets[0]["backend"]].arn
            )
        return aws.lb.ListenerDefaultActionArgs(
            type="forward",
            forward=aws.lb.ListenerDefaultActionForwardArgs(
                target_groups=[
                    aws.lb.ListenerDefaultActionForwardTargetGroupArgs(
                        arn=self._groups[each["backend"]].arn, weight=each["weight"]
                    )
                    for each in targets
                ]
            ),
        )

    def _create_rule(self, listener: PlannedListener, made: Any, rule: Mapping[str, Any]) -> None:
        conditions = [
            aws.lb.ListenerRuleConditionArgs(
                host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=each["hostHeader"]["values"])
            )
            if "hostHeader" in each
            else aws.lb.ListenerRuleConditionArgs(
                path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=each["pathPattern"]["values"])
            )
            for each in rule["conditions"]
        ]
        aws.lb.ListenerRule(
            f"{self._balancer.name}-{listener.name}-{rule['name']}",
            listener_arn=made.arn,
            priority=rule["priority"],
            conditions=conditions,
            actions=[
                aws.lb.ListenerRuleActionArgs(
                    type="forward",
                    forward=aws.lb.ListenerRuleActionForwardArgs(
                        target_groups=[
                            aws.lb.ListenerRuleActionForwardTargetGroupArgs(
                                arn=self._groups[each["backend"]].arn, weight=each["weight"]
                            )
                            for each in rule["action"]["targets"]
                        ]
                    ),
                )
            ],
            tags=self._tags,
            opts=self._children,
        )

    def _certificates(self, listener: PlannedListener) -> Iterator[pulumi.Output[str]]:
        """The first is for all names that no other is for."""
        own = [each for each in listener.certificates if each.host is None]
        known = self._balancer.document.options.get("certificateArn")
        if known:
            yield pulumi.Output.from_input(str(known))
        elif not own:
            yield self._made(listener)
        wanted_by = f"load balancer {self._balancer.document.name}"
        for number, each in enumerate([*own, *(c for c in listener.certificates if c.host is not None)]):
            imported = aws.acm.Certificate(
                f"{self._balancer.name}-{listener.name}-given-{number}",
                certificate_body=self._site.secret(each.given.certificate.secret, wanted_by),
                private_key=self._site.secret(each.given.key.secret, wanted_by),
                tags=self._tags,
                opts=self._children,
            )
            yield imported.arn

    def _made(self, listener: PlannedListener) -> pulumi.Output[str]:
        name = f"{Names(self._balancer).state}-{listener.name}"
        authority = CertificateAuthority(
            f"{name}-ca",
            common_name=f"load balancers of {self._balancer.application}",
            validity_hours=AUTHORITY_HOURS,
            opts=self._children,
        )
        hosts = list(self._balancer.hosts) or [f"{self._balancer.application}.invalid"]
        issued = Certificate(
            f"{name}-cert",
            ca_certificate=authority.certificate,
            ca_private_key=authority.private_key,
            common_name=hosts[0],
            dns_names=hosts,
            usages=["server"],
            validity_hours=CERTIFICATE_HOURS,
            renew_before_hours=RENEW_BEFORE_HOURS,
            opts=self._children,
        )
        private: pulumi.Output[str] = pulumi.Output.secret(issued.private_key)
        imported = aws.acm.Certificate(
            f"{name}-made",
            certificate_body=issued.certificate,
            certificate_chain=authority.certificate,
            private_key=private,
            tags=self._tags,
            opts=self._children,
        )
        arn: pulumi.Output[str] = imported.arn
        return arn


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
