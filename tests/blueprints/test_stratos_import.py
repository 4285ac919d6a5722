"""Import of Stratos documents: the published samples, and documents made up in their kinds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from blueprints.findings import DocumentError
from blueprints.kinds.application import Application
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.host_cluster import HostCluster
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.kinds.signup import Signup
from blueprints.kinds.tenant import Tenant
from blueprints.stratos.importer import import_stratos
from blueprints.stratos.report import ImportReport
from blueprints.validate import validate

SAMPLES = Path(__file__).parents[2].parent / "shared/data/stratos/samples"

needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"the Stratos sample documents are not at {SAMPLES}"
)


def _import(tmp_path: Path, files: Mapping[str, Any]) -> ImportReport:
    source = tmp_path / "in"
    for name, content in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    report = import_stratos(source, tmp_path / "out")
    outcome = validate([tmp_path / "out"])
    assert outcome.errors == ()
    assert outcome.documents == len(report.documents)
    return report


def _said(report: ImportReport, words: str) -> bool:
    return any(words in entry.text for entry in report.entries)


@needs_samples
def test_every_sample_is_imported_and_the_outcome_validates(tmp_path: Path) -> None:
    report = import_stratos(SAMPLES, tmp_path / "out")
    outcome = validate([tmp_path / "out"])
    assert outcome.errors == ()
    assert outcome.documents == len(report.documents) >= 80
    told = {entry.file for entry in report.entries}
    assert {str(path) for path in SAMPLES.rglob("*.json")} == told
    for application in outcome.workspace.applications():
        assert outcome.workspace.plan(application).clusters


@needs_samples
def test_the_known_faults_of_the_samples_are_told(tmp_path: Path) -> None:
    report = import_stratos(SAMPLES)
    broken = {Path(e.file).parts[-3]: e.line for e in report.of("broken")}
    assert broken == {"single-group-app": 63}
    assert _said(report, "networkPartition is the format of Stratos 4.0")
    assert _said(report, "Stratos ignored it for its spelling")
    assert _said(report, "'group.my-appgroup, cartridge.my-esb' in scaling dependents is taken as several")
    assert _said(report, "'cartridges' stands twice; the last one counts")
    assert _said(report, "'php1'")
    alone = import_stratos(SAMPLES / "network-partitions/ec2")
    assert _said(alone, "region 'ap-southeast-2b': it stands there twice")
    assert _said(alone, "the provider inside a partition is taken for all")


@needs_samples
def test_no_password_of_the_samples_is_written(tmp_path: Path) -> None:
    import_stratos(SAMPLES, tmp_path / "out")
    documents = "".join(p.read_text() for p in (tmp_path / "out").rglob("*.yaml"))
    assert "repoPassword" not in documents
    assert "MB_PASSWORD" not in documents
    assert "password: password" not in documents


@needs_samples
def test_five_levels_of_groups_keep_their_nesting(tmp_path: Path) -> None:
    report = import_stratos(SAMPLES)
    application = report.documents["applications/n-level-nesting.yaml"]
    assert isinstance(application, Application)
    depth, level = 0, application.groups
    while level:
        depth, level = depth + 1, level[0].groups
    assert depth == 6


def _application(**more: Any) -> dict[str, Any]:
    info = {"alias": "my-web", "autoscalingPolicy": "as", "deploymentPolicy": "dp", **more}
    use = {"type": "web", "cartridgeMin": "1", "cartridgeMax": "5", "subscribableInfo": info}
    return {"applicationId": "app", "alias": "app", "components": {"cartridges": [use]}}


CARTRIDGE = {
    "type": "web",
    "category": "framework",
    "provider": "x",
    "multiTenant": "false",
    "portMapping": [{"protocol": "http", "port": "80", "proxyPort": "8080"}],
    "iaasProvider": [{"type": "kubernetes", "imageId": "example/web:1.2"}],
}


def test_numbers_may_be_text_and_unknown_fields_are_ignored(tmp_path: Path) -> None:
    cartridge = {**CARTRIDGE, "maxInstanceLimit": "5", "multiTenant": "true"}
    report = _import(tmp_path, {"a/b/c.json": cartridge, "x/app.json": _application()})
    made = report.documents["cartridges/web.yaml"]
    assert isinstance(made, Cartridge)
    assert made.image == "example/web:1.2"
    assert (made.ports[0].port, made.ports[0].proxy_port, made.ports[0].exposure) == (80, 8080, "node")
    assert made.multi_tenant
    application = report.documents["applications/app.yaml"]
    assert isinstance(application, Application)
    assert (application.cartridges[0].members.min, application.cartridges[0].members.max) == (1, 5)


def test_cartridge_properties_become_resources_affinity_pulling_and_environment(tmp_path: Path) -> None:
    properties = {
        "KUBERNETES_CONTAINER_CPU": "500m",
        "KUBERNETES_CONTAINER_MEMORY": "536870912",
        "KUBERNETES_SERVICE_SESSION_AFFINITY": "ClientIP",
        "IMAGE_PULL_SECRETS": "My_Secret",
        "IMAGE_PULL_POLICY": "Always",
        "payload_parameter.MODE": "fast, really",
        "tag:Name": "x",
    }
    volume = {"size": "2.5", "mappingPath": "/srv/data", "removeOnTermination": "false", "device": "/dev/vdb"}
    cartridge = {
        **CARTRIDGE,
        "property": [{"name": k, "value": v} for k, v in properties.items()],
        "persistence": {"isRequired": "true", "volumes": [volume]},
        "metadataKeys": ["token"],
        "deployment": {"baseDir": "/var/www"},
    }
    made = _import(tmp_path, {"c.json": cartridge}).documents["cartridges/web.yaml"]
    assert isinstance(made, Cartridge)
    assert (made.resources.limits.cpu, made.resources.limits.memory) == ("500m", "524288Ki")
    assert made.ports[0].session_affinity
    assert (made.pull_policy, made.pull_secret) == ("Always", "my-secret")
    assert made.environment == {"MODE": "fast, really"}
    assert [(p.path, p.size, p.retain) for p in made.persistence] == [("/srv/data", "3Gi", True)]
    assert made.metadata_keys == ("token",)
    assert made.artifact is not None
    assert made.artifact.path == "/var/www"


def test_two_owners_of_a_port_are_parted(tmp_path: Path) -> None:
    mappings = [
        {"protocol": "http", "port": 8080, "proxyPort": 80},
        {"protocol": "https", "port": 8443, "proxyPort": 80},
        {"protocol": "tcp", "port": 8080},
        {"protocol": "gopher", "port": 70},
        {"protocol": "http", "port": "99999"},
    ]
    made = _import(tmp_path, {"c.json": {**CARTRIDGE, "portMapping": mappings}}).documents[
        "cartridges/web.yaml"
    ]
    assert isinstance(made, Cartridge)
    assert [(p.port, p.service_port, p.protocol) for p in made.ports] == [
        (8080, 80, "http"),
        (8443, 8443, "https"),
        (70, 70, "tcp"),
    ]


def test_every_reference_is_resolved_or_left_out_with_its_reason(tmp_path: Path) -> None:
    partition = {"id": "np", "provider": "mock", "partitions": [{"id": "p1"}]}
    policy = {
        "id": "dp",
        "networkPartitions": [
            {
                "id": "np",
                "partitionAlgo": "round-robin",
                "partitions": [{"id": "p1", "partitionMax": "1"}, {"id": "p2", "partitionMax": 2}],
            },
            {
                "id": "gone",
                "partitionAlgo": "one-after-another",
                "partitions": [{"id": "p", "partitionMax": 1}],
            },
        ],
    }
    application = _application()
    application["components"]["cartridges"][0]["cartridgeMin"] = 4
    places = {"id": "ap", "algorithm": "one-after-another", "networkPartitions": ["np", "gone"]}
    report = _import(
        tmp_path,
        {
            "np.json": partition,
            "dp.json": policy,
            "c.json": CARTRIDGE,
            "app.json": application,
            "ap.json": places,
        },
    )
    made = report.documents["policies/deployment/dp.yaml"]
    assert isinstance(made, DeploymentPolicy)
    assert made.network_partitions[0].order == "round-robin"
    network = report.documents["network-partitions/np.yaml"]
    assert isinstance(network, NetworkPartition)
    assert [p.name for p in network.partitions] == ["p1", "p2"]
    app = report.documents["applications/app.yaml"]
    assert isinstance(app, Application)
    assert app.cartridges[0].autoscaling is None
    assert (app.cartridges[0].members.min, app.cartridges[0].members.max) == (3, 5)
    place = report.documents["policies/application/ap.yaml"]
    assert isinstance(place, ApplicationPolicy)
    assert place.groups == (("np",),)
    assert _said(report, "autoscaling policy 'as'")
    assert _said(report, "its partitions hold 3")


@pytest.mark.parametrize(("third", "bursts"), [("ec2", True), ("mock", False)])
def test_groups_of_places_become_lists_and_burst_where_they_lead_to_another_cloud(
    third: str, bursts: bool, tmp_path: Path
) -> None:
    files: dict[str, Any] = {
        f"{n}.json": {"id": n, "provider": provider, "partitions": [{"id": "p"}]}
        for n, provider in (("n1", "mock"), ("n2", "mock"), ("n3", third))
    }
    files["ap.json"] = {
        "id": "ap",
        "algorithm": "one-after-another",
        "networkPartitions": ["n1", "n2", "n3"],
        "properties": [{"name": "networkPartitionGroups", "value": "n1|n2, n3"}],
    }
    report = _import(tmp_path, files)
    made = report.documents["policies/application/ap.yaml"]
    assert isinstance(made, ApplicationPolicy)
    assert made.groups == (("n1", "n2"), ("n3",))
    assert (made.burst is not None) == bursts
    assert _said(report, "as all its network partitions are in the cloud 'local'") != bursts


def test_dependencies_come_from_the_definition_that_fits(tmp_path: Path) -> None:
    definition = {
        "name": "pair",
        "cartridges": ["web", "db"],
        "dependencies": {
            "startupOrders": [
                {"aliases": ["cartridge.my-db", "cartridge.my-web"]},
                {"aliases": ["cartridge.my-web", "cartridge.my-db"]},
                {"aliases": ["cartridge.elsewhere", "cartridge.my-db"]},
            ],
            "scalingDependents": [{"aliases": ["cartridge.my-db", "cartridge.my-web"]}],
            "terminationBehaviour": "terminate-dependents",
        },
    }
    other = {"name": "pair", "cartridges": ["web"], "dependencies": {"terminationBehaviour": "terminate-all"}}
    uses = [{"type": t, "cartridgeMin": 1, "subscribableInfo": {"alias": f"my-{t}"}} for t in ("web", "db")]
    group = {
        "name": "pair",
        "alias": "g",
        "groupMinInstances": 1,
        "groupMaxInstances": "3",
        "cartridges": uses,
    }
    application = {"applicationId": "app", "components": {"groups": [group]}}
    report = _import(
        tmp_path, {"1.json": other, "2.json": definition, "c.json": CARTRIDGE, "app.json": application}
    )
    app = report.documents["applications/app.yaml"]
    assert isinstance(app, Application)
    made = app.groups[0]
    assert made.startup == (("my-db", "my-web"),)
    assert made.scaling[0].members == ("my-db", "my-web")
    assert (made.termination, made.instances.max) == ("dependents", 3)
    assert _said(report, "closes the cycle")
    assert _said(report, "no document describes this type")


def test_names_that_we_do_not_allow_are_changed_everywhere(tmp_path: Path) -> None:
    application = _application()
    use = application["components"]["cartridges"][0]
    use["type"] = "My_Web 2"
    use["subscribableInfo"]["alias"] = "3Tier"
    report = _import(tmp_path, {"c.json": {**CARTRIDGE, "type": "My_Web 2"}, "app.json": application})
    app = report.documents["applications/app.yaml"]
    assert isinstance(app, Application)
    assert (app.cartridges[0].alias, app.cartridges[0].cartridge) == ("x-3tier", "my-web-2")


def test_what_lies_beside_an_application_belongs_to_it(tmp_path: Path) -> None:
    repository = {
        "alias": "web",
        "privateRepo": "true",
        "repoUrl": "https://joe:s3cret@git.example.org/x.git",
        "repoUsername": "joe",
        "repoPassword": "s3cret",
    }
    report = _import(
        tmp_path,
        {
            "c.json": CARTRIDGE,
            "a/application.json": _application(),
            "a/application-signup.json": {"artifactRepositories": [repository]},
            "a/domain-mappings.json": {
                "domainMappings": [
                    {"cartridgeAlias": "my-web", "domainName": "Shop.Example.org", "contextPath": "x"},
                    {"cartridgeAlias": "nope", "domainName": "b.org", "contextPath": "/"},
                ]
            },
            "elsewhere/signup.json": {"artifactRepositories": [repository]},
        },
    )
    made = report.documents["domains/app-shop-example-org.yaml"]
    assert isinstance(made, DomainMapping)
    assert (made.cluster, made.path) == ("my-web", "/x")
    signup = report.documents["signups/app-signup.yaml"]
    assert isinstance(signup, Signup)
    artifact = signup.artifacts[0].artifact
    assert artifact.git == "https://git.example.org/x.git"
    assert artifact.credentials is not None
    written = "".join(p.read_text() for p in (tmp_path / "out").rglob("*.*"))
    assert "s3cret" not in written
    assert _said(report, "there is one already, and no document says which tenants they are of")


def test_kubernetes_clusters_tenants_users_and_messages(tmp_path: Path) -> None:
    cluster = {
        "clusterId": "k1",
        "kubernetesMaster": {"hostId": "m", "privateIPAddress": "10.0.0.1", "property": []},
        "kubernetesHosts": [{"hostId": "h1"}, {"hostId": "h2"}],
        "portRange": {"lower": "30000", "upper": "32000"},
        "property": [
            {"name": "payload_parameter.ZONE", "value": "a"},
            {"name": "payload_parameter.MB_PASSWORD", "value": "manager"},
        ],
    }
    partition = {
        "id": "np",
        "provider": "kubernetes",
        "partitions": [{"id": "p", "property": [{"name": "cluster", "value": "k1"}]}],
        "properties": [{"name": "LOAD_BALANCER_IPS", "value": "10.0.0.9|10.0.0.8"}],
    }
    report = _import(
        tmp_path,
        {
            "k.json": cluster,
            "np.json": partition,
            "t.json": {
                "tenantDomain": "acme.org",
                "admin": "root",
                "adminPassword": "pw",
                "email": "a@acme.org",
            },
            "u.json": {"userName": "joe", "role": "Internal/user", "credential": "pw"},
            "hook.json": {"repository": {"url": "https://x"}},
            "meta.json": {"key": "a", "values": ["b"]},
            "odd.json": {"something": "else"},
            "empty.json": "",
            "list.json": [CARTRIDGE, 3],
        },
    )
    host = report.documents["clouds/k1.yaml"]
    assert isinstance(host, HostCluster)
    assert (host.driver, host.hosts, host.node_ports.upper) == ("existing", 2, 32000)
    network = report.documents["network-partitions/np.yaml"]
    assert isinstance(network, NetworkPartition)
    assert (network.cloud, network.environment) == ("k1", {"ZONE": "a"})
    assert _said(report, "LOAD_BALANCER_IPS 10.0.0.9|10.0.0.8: nothing here leads to load balancers of yours")
    tenant = report.documents["tenants/acme-org.yaml"]
    assert isinstance(tenant, Tenant)
    assert [(u.name, u.role) for u in tenant.users] == [("root", "owner"), ("joe", "operator")]
    assert len(report.of("broken")) == 2
    assert _said(report, "a message to a running server")
    assert _said(report, "no kind of document has this shape")
    assert "not carried over" in report.render()
    assert json.loads(report.render_json())["files"] == 9


def test_a_full_output_folder_or_a_missing_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_text("")
    for source, out in ((tmp_path / "gone", None), (tmp_path, tmp_path / "out")):
        with pytest.raises(DocumentError):
            import_stratos(source, out)
