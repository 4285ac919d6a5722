"""Hosts as instances of an AWS region: a VPC, fixed addresses, disks that outlive them, an NLB for the API.

Addresses, within the VPC and public ones, are those of network interfaces that are there before the
instances: an instance has its way out from its first moment, and a successor has the same.

User data on EC2 holds 16 KB at most, and every program on an instance can read it. So it only says where
the config is: an object that the instance's own role, and no other, may read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from components.hosts.cloud_access import CloudAccess
from components.hosts.config import AwsHosts
from components.hosts.driver import Access, Machine, Surroundings
from components.hosts.reach import API, rules
from components.hosts.topology import DISCOVERY, Host, Topology
from components.hosts.user_data import pointer

if TYPE_CHECKING:
    import pulumi_aws as aws

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class AwsDriver:
    """A VPC with a subnet for each zone, and for each host a role, a config object, a disk and an instance.

    The SDK is imported here only: it is large, and most clouds are not AWS.
    """

    name = "aws"

    def __init__(
        self, topology: Topology, config: AwsHosts, after: pulumi.Resource, parent: pulumi.Resource
    ) -> None:
        import pulumi_aws

        self._sdk = pulumi_aws
        self._topology = topology
        self._config = config
        self._prefix = f"alto-{topology.cloud}"
        tags = pulumi_aws.ProviderDefaultTagsArgs(tags={"altostratus.cloud": topology.cloud})
        provider = pulumi_aws.Provider(
            f"{topology.cloud}-aws",
            region=config.region,
            default_tags=tags,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[after]),
        )
        # An address belongs to one machine at a time, so a successor cannot stand beside what it replaces.
        self._options = pulumi.ResourceOptions(parent=parent, provider=provider, delete_before_replace=True)
        self._keys = CloudAccess(topology.cloud, parent)
        self.access: Access | None = self._keys.access
        self._vpc = self._sdk.ec2.Vpc(
            f"{topology.cloud}-vpc",
            cidr_block=str(topology.subnet),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": self._prefix},
            opts=self._options,
        )
        self.network_name = self._vpc.id
        self._subnets = self._create_subnets()
        self._routed = self._create_routes()
        self._group = self._create_group()
        self._interfaces: dict[str, aws.ec2.NetworkInterface] = {}
        self._addresses = self._create_addresses()
        self.public: Mapping[str, pulumi.Output[str]] = {
            name: address.public_ip for name, address in self._addresses.items()
        }
        self._bucket, self._closed = self._create_bucket()
        self._volumes: dict[str, aws.ebs.Volume] = {}
        balancer, self._targets = self._create_balancer()
        self.endpoint: pulumi.Output[str] | None = balancer.dns_name

    def surroundings(self, host: Host) -> Surroundings:
        volume = self._sdk.ebs.Volume(
            f"{self._topology.cloud}-{host.name}-var",
            availability_zone=host.zone,
            size=self._config.disk_gib,
            type="gp3",
            encrypted=True,
            tags={"Name": f"{self._prefix}-{host.name}"},
            # Ranges owns where a host is, and so its disk: nothing else may make an empty one in its place.
            opts=pulumi.ResourceOptions.merge(
                self._options, pulumi.ResourceOptions(ignore_changes=["availabilityZone"])
            ),
        )
        self._volumes[host.name] = volume
        return Surroundings(self._keys.files(), volume.id.apply(disk_of))

    def discovery(self, certificate: pulumi.Input[str], private_key: pulumi.Input[str]) -> Machine:
        from components.hosts.discovery_ignition import discovery_ignition

        ignition = discovery_ignition(self._topology, certificate, private_key, self._keys.files())
        return self._machine(DISCOVERY, self._create_instance(DISCOVERY, ignition))

    def host(self, host: Host, ignition: pulumi.Input[str]) -> Machine:
        instance = self._create_instance(host.name, ignition)
        # A disk that outlives instances cannot be among those that one is made with. Ignition waits for it,
        # for as long as systemd waits for any device.
        self._sdk.ec2.VolumeAttachment(
            f"{self._topology.cloud}-{host.name}-var-attached",
            device_name="/dev/sdf",
            instance_id=instance.id,
            volume_id=self._volumes[host.name].id,
            stop_instance_before_detaching=True,
            opts=self._options,
        )
        if host in self._topology.control_planes:
            self._sdk.lb.TargetGroupAttachment(
                f"{self._topology.cloud}-{host.name}-api",
                target_group_arn=self._targets.arn,
                target_id=instance.id,
                port=API,
                opts=self._options,
            )
        return self._machine(host.name, instance)

    def _machine(self, name: str, instance: aws.ec2.Instance) -> Machine:
        # Reached by its address; another instance is another id.
        address = self.public[name]
        return Machine(address, pulumi.Output.concat(address, "/", instance.id), instance)

    def _create_subnets(self) -> dict[str, aws.ec2.Subnet]:
        return {
            zone: self._sdk.ec2.Subnet(
                f"{self._topology.cloud}-{zone}",
                vpc_id=self._vpc.id,
                cidr_block=str(cidr),
                availability_zone=zone,
                tags={"Name": f"{self._prefix}-{zone}"},
                opts=self._options,
            )
            for zone, cidr in zip(self._config.zones, self._config.zone_ranges, strict=True)
        }

    def _create_routes(self) -> list[pulumi.Resource]:
        cloud = self._topology.cloud
        gateway = self._sdk.ec2.InternetGateway(f"{cloud}-gateway", vpc_id=self._vpc.id, opts=self._options)
        table = self._sdk.ec2.RouteTable(
            f"{cloud}-routes",
            vpc_id=self._vpc.id,
            routes=[self._sdk.ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=gateway.id)],
            opts=self._options,
        )
        return [
            self._sdk.ec2.RouteTableAssociation(
                f"{cloud}-{zone}-routes", route_table_id=table.id, subnet_id=subnet.id, opts=self._options
            )
            for zone, subnet in self._subnets.items()
        ]

    def _create_group(self) -> aws.ec2.SecurityGroup:
        cloud = self._topology.cloud
        group = self._sdk.ec2.SecurityGroup(
            f"{cloud}-hosts",
            description=f"Hosts of the cloud {cloud}",
            vpc_id=self._vpc.id,
            opts=self._options,
        )
        ingress = self._sdk.vpc.SecurityGroupIngressRule
        ingress(
            f"{cloud}-among-hosts",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            opts=self._options,
        )
        for rule in rules(self._config):
            ingress(
                f"{cloud}-{rule.name}",
                security_group_id=group.id,
                cidr_ipv4=rule.source,
                ip_protocol=rule.protocol,
                from_port=rule.first,
                to_port=rule.last,
                opts=self._options,
            )
        self._sdk.vpc.SecurityGroupEgressRule(
            f"{cloud}-out",
            security_group_id=group.id,
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="-1",
            opts=self._options,
        )
        return group

    def _create_addresses(self) -> dict[str, aws.ec2.Eip]:
        """A public address for each machine, on an interface with its address within; by its name."""
        cloud, zones = self._topology.cloud, self._config.zones
        inside = {DISCOVERY: (self._topology.discovery_address, zones[0])}
        inside |= {host.name: (host.address, host.zone) for host in self._topology.hosts}
        found = {}
        for name, (address, zone) in inside.items():
            interface = self._sdk.ec2.NetworkInterface(
                f"{cloud}-{name}-interface",
                subnet_id=self._subnets[zone].id,
                private_ips=[address],
                security_groups=[self._group.id],
                tags={"Name": f"{self._prefix}-{name}"},
                opts=self._options,
            )
            self._interfaces[name] = interface
            found[name] = self._sdk.ec2.Eip(
                f"{cloud}-{name}-address",
                domain="vpc",
                network_interface=interface.id,
                tags={"Name": f"{self._prefix}-{name}"},
                opts=pulumi.ResourceOptions.merge(
                    self._options, pulumi.ResourceOptions(depends_on=self._routed)
                ),
            )
        return found

    def _create_bucket(self) -> tuple[aws.s3.Bucket, pulumi.Resource]:
        """Where configs are: private, encrypted, over TLS only."""
        cloud = self._topology.cloud
        bucket = self._sdk.s3.Bucket(
            f"{cloud}-ignition", bucket_prefix=f"{self._prefix}-"[:37], force_destroy=True, opts=self._options
        )
        self._sdk.s3.BucketServerSideEncryptionConfiguration(
            f"{cloud}-ignition-encrypted",
            bucket=bucket.id,
            rules=[
                self._sdk.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        self._sdk.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms"
                        )
                    )
                )
            ],
            opts=self._options,
        )
        closed = self._sdk.s3.BucketPublicAccessBlock(
            f"{cloud}-ignition-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._options,
        )
        policy = self._sdk.s3.BucketPolicy(
            f"{cloud}-ignition-tls",
            bucket=bucket.id,
            policy=bucket.arn.apply(tls_only),
            opts=pulumi.ResourceOptions.merge(self._options, pulumi.ResourceOptions(depends_on=[closed])),
        )
        return bucket, policy

    def _create_balancer(self) -> tuple[aws.lb.LoadBalancer, aws.lb.TargetGroup]:
        cloud = self._topology.cloud
        balancer = self._sdk.lb.LoadBalancer(
            f"{cloud}-api",
            load_balancer_type="network",
            internal=False,
            subnets=[subnet.id for subnet in self._subnets.values()],
            security_groups=[self._group.id],
            enable_cross_zone_load_balancing=True,
            opts=pulumi.ResourceOptions.merge(self._options, pulumi.ResourceOptions(depends_on=self._routed)),
        )
        targets = self._sdk.lb.TargetGroup(
            f"{cloud}-api",
            port=API,
            protocol="TCP",
            target_type="instance",
            vpc_id=self._vpc.id,
            # The hosts' group lets the balancer in, which is in it; the callers need not be known there.
            preserve_client_ip="false",
            deregistration_delay=30,
            health_check=self._sdk.lb.TargetGroupHealthCheckArgs(
                protocol="HTTPS", path="/readyz", interval=10, healthy_threshold=2, unhealthy_threshold=2
            ),
            opts=self._options,
        )
        self._sdk.lb.Listener(
            f"{cloud}-api",
            load_balancer_arn=balancer.arn,
            port=API,
            protocol="TCP",
            default_actions=[
                self._sdk.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)
            ],
            opts=self._options,
        )
        return balancer, targets

    def _create_instance(self, name: str, ignition: pulumi.Input[str]) -> aws.ec2.Instance:
        sdk, cloud = self._sdk, self._topology.cloud
        key = f"{name}.ign"
        config = sdk.s3.BucketObjectv2(
            f"{cloud}-{name}-ignition",
            bucket=self._bucket.id,
            key=key,
            content=pulumi.Output.secret(ignition),
            content_type="application/vnd.coreos.ignition+json",
            opts=pulumi.ResourceOptions.merge(
                self._options, pulumi.ResourceOptions(depends_on=[self._closed])
            ),
        )
        return sdk.ec2.Instance(
            f"{cloud}-{name}",
            ami=self._config.image,
            instance_type=self._config.machine_type,
            primary_network_interface=sdk.ec2.InstancePrimaryNetworkInterfaceArgs(
                network_interface_id=self._interfaces[name].id
            ),
            key_name=self._config.key_pair,
            iam_instance_profile=self._create_profile(name, key).name,
            # The same for the instance's life: a successor fetches what is there then.
            user_data=pulumi.Output.concat("s3://", self._bucket.bucket, "/", key).apply(pointer),
            user_data_replace_on_change=False,
            metadata_options=sdk.ec2.InstanceMetadataOptionsArgs(
                # One hop: containers are one further away.
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
            ),
            root_block_device=sdk.ec2.InstanceRootBlockDeviceArgs(encrypted=True, volume_type="gp3"),
            tags={"Name": f"{self._prefix}-{name}"},
            opts=pulumi.ResourceOptions.merge(
                self._options,
                pulumi.ResourceOptions(
                    depends_on=[config, self._addresses[name]],
                    # A newer image is for the next machine.
                    ignore_changes=["ami"],
                ),
            ),
        )

    def _create_profile(self, name: str, key: str) -> aws.iam.InstanceProfile:
        """A role that may read this machine's own config, and nothing else."""
        cloud = self._topology.cloud
        role = self._sdk.iam.Role(f"{cloud}-{name}", assume_role_policy=_TRUST, opts=self._options)
        allowed = self._sdk.iam.RolePolicy(
            f"{cloud}-{name}-ignition",
            role=role.id,
            policy=self._bucket.arn.apply(lambda arn: read_only(f"{arn}/{key}")),
            opts=self._options,
        )
        return self._sdk.iam.InstanceProfile(
            f"{cloud}-{name}",
            role=role.name,
            opts=pulumi.ResourceOptions.merge(self._options, pulumi.ResourceOptions(depends_on=[allowed])),
        )


def disk_of(volume: str) -> str:
    """The device of a volume in its instance (Nitro)."""
    return f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"


def read_only(arn: str) -> str:
    """A policy to read one object."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def tls_only(arn: str) -> str:
    """A bucket policy that refuses plain HTTP."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
