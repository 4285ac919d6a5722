"""An application's resources: what is made, in which order, and what it holds."""

import base64
import json
from typing import Any

import pulumi
import pytest

from blueprints.plan import Plan
from blueprints.scale import ScaleState
from components.application import Application
from components.cluster import CONFIG_CHECKSUM, SECRETS_CHECKSUM
from components.pods.errors import ApplicationError
from components.pods.template import Images
from components.registry_login import RegistryLogin, docker_config
from tests.components.conftest import NODE_PORT, Engine, is_secret, plain, plan_of

SHOP = """
apiVersion: altostratus/v1
kind: Cartridge
name: store
image: registry.example.org/store:1
category: data
security: {user: 999, group: 999}
ports: [{name: sql, port: 3306}]
probes: {readiness: {tcp: {}}}
persistence: [{name: data, path: /var/lib/store, size: 1Gi}]
exports:
  host: {value: "${host}"}
  password: {generate: {length: 20}}
  url: {value: "store://app:${export:password}@${host}:${port}/"}
---
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.org/site:1
security: {user: 33, group: 33, readOnlyRoot: true}
ports:
  - {name: http, port: 8080, protocol: http, proxyPort: 80, exposure: node}
  - {name: admin, port: 9000}
probes:
  readiness: {http: {path: /ready}, period: 2s}
  liveness: {http: {path: /alive, port: admin}, period: 10s}
resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
artifact: {path: /srv/site}
files: [{path: /etc/site.conf, content: "a = 1"}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - alias: web
    cartridge: site
    members: {min: 2, max: 6}
    artifact: {git: https://git.example.org/site.git, branch: main}
    environment: {PRICE: "$(COST)"}
  - alias: db
    cartridge: store
startup: [[db, web]]
"""

DEPLOYMENT = "apps/v1:Deployment"
STATEFUL_SET = "apps/v1:StatefulSet"
SERVICE = "core/v1:Service"
SECRET = "core/v1:Secret"  # noqa: S105
CLUSTER = "altostratus:application:Cluster"
IMAGES = Images({}, "10.88.0.3:5000/altostratus/artifact@sha256:" + "b" * 64)


def deploy(engine: Engine, plan: Plan, **more: Any) -> Engine:
    def program() -> None:
        application = Application(
            plan,
            more.pop("images", IMAGES),
            RegistryLogin("10.88.0.3:5000", "altostratus", pulumi.Output.secret("pass"), "PEM"),
            node_addresses=["10.88.0.11", "10.88.0.12"],
            kubeconfig="KUBECONFIG",
            **more,
        )
        pulumi.export("urls", application.urls)
        pulumi.export("clusters", application.clusters)

    return engine.run(program)


@pytest.fixture(scope="module")
def shop() -> Engine:
    return deploy(Engine(), plan_of(SHOP))


def pod(engine: Engine, name: str, kind: str = DEPLOYMENT) -> dict[str, Any]:
    return engine.of(kind)[name]["spec"]["template"]  # type: ignore[no-any-return]


def container(engine: Engine, name: str, kind: str = DEPLOYMENT) -> dict[str, Any]:
    return next(each for each in pod(engine, name, kind)["spec"]["containers"] if each["name"] == name)


def variables(found: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in found["env"]}


def test_every_port_mapping_becomes_one_service(shop: Engine) -> None:
    services = shop.of(SERVICE)
    assert set(services) == {"web-http", "web-admin", "db-sql", "db"}, "db is the members' own names"
    assert services["web-http"]["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    ]
    assert services["web-http"]["spec"]["type"] == "NodePort"
    assert services["web-admin"]["spec"]["type"] == "ClusterIP"


def test_a_cluster_waits_for_all_resources_of_those_it_starts_after(shop: Engine) -> None:
    before = {each.urn for each in shop.registered if each.parent == shop.one(CLUSTER, "db").urn}
    web = shop.one(DEPLOYMENT, "web")
    waits = web.dependencies | shop.one(CLUSTER, "web").dependencies
    assert shop.one(STATEFUL_SET, "db").urn in waits, "web would start beside db instead of after it"
    assert before <= waits


def test_clusters_that_wait_for_nothing_do_not_wait_for_each_other(engine: Engine) -> None:
    deploy(engine, plan_of(SHOP.replace("startup: [[db, web]]", "")))
    web = engine.one(DEPLOYMENT, "web")
    assert engine.one(STATEFUL_SET, "db").urn not in web.dependencies


def test_selectors_pick_the_members_of_one_cluster_only(shop: Engine) -> None:
    selectors = {
        json.dumps(shop.of(kind)[name]["spec"]["selector"]["matchLabels"], sort_keys=True)
        for kind, name in ((DEPLOYMENT, "web"), (STATEFUL_SET, "db"))
    }
    assert len(selectors) == 2
    chosen = shop.of(DEPLOYMENT)["web"]["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= pod(shop, "web")["metadata"]["labels"].items()
    assert shop.of(SERVICE)["web-http"]["spec"]["selector"] == chosen


def test_new_members_serve_before_old_ones_leave(shop: Engine) -> None:
    spec = shop.of(DEPLOYMENT)["web"]["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert container(shop, "web")["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert pod(shop, "web")["spec"]["terminationGracePeriodSeconds"] == 35


def test_members_have_no_rights_they_do_not_need(shop: Engine) -> None:
    spec = pod(shop, "web")["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for each in [*spec["initContainers"], *spec["containers"]]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 33,
            "runAsGroup": 33,
        }, each["name"]


def test_the_namespace_is_as_strict_as_its_members_allow(engine: Engine) -> None:
    rule = "pod-security.kubernetes.io/enforce"
    strict = deploy(Engine(), plan_of(SHOP)).of("core/v1:Namespace")["app-shop"]
    assert strict["metadata"]["labels"][rule] == "restricted"
    as_root = deploy(
        engine, plan_of(SHOP.replace("{user: 999, group: 999}", "{user: 0, capabilities: [CHOWN]}"))
    )
    assert as_root.of("core/v1:Namespace")["app-shop"]["metadata"]["labels"][rule] == "baseline"


def test_a_read_only_container_can_write_temporary_files(shop: Engine) -> None:
    mounts = {each["mountPath"]: each for each in container(shop, "web")["volumeMounts"]}
    names = {each["name"] for each in pod(shop, "web")["spec"]["volumes"]}
    assert mounts["/tmp"]["name"] in names  # noqa: S108


def test_the_artifact_is_fetched_before_the_member_starts_and_lands_in_its_place(shop: Engine) -> None:
    (fetcher,) = pod(shop, "web")["spec"]["initContainers"]
    assert variables(fetcher)["ARTIFACT_URL"] == "https://git.example.org/site.git"
    assert variables(fetcher)["ARTIFACT_BRANCH"] == "main"
    assert fetcher["image"] == IMAGES.artifact
    mounts = {each["mountPath"]: each for each in container(shop, "web")["volumeMounts"]}
    assert mounts["/srv/site"]["subPath"] == "content"
    assert mounts["/run/altostratus/artifact"]["subPath"] == "state"


def test_every_mount_has_its_volume(shop: Engine) -> None:
    for name, kind in (("web", DEPLOYMENT), ("db", STATEFUL_SET)):
        spec = pod(shop, name, kind)["spec"]
        known = {each["name"] for each in spec.get("volumes", [])}
        known |= {
            each["metadata"]["name"] for each in shop.of(kind)[name]["spec"].get("volumeClaimTemplates", [])
        }
        for each in [*spec.get("initContainers", []), *spec["containers"]]:
            for mount in each["volumeMounts"]:
                assert mount["name"] in known, f"{each['name']} of {name} mounts {mount['name']}"


def test_a_dependent_receives_addresses_as_text_and_passwords_as_secret_references(shop: Engine) -> None:
    seen = variables(container(shop, "web"))
    assert seen["DB_HOST"] == "db-sql.app-shop.svc.cluster.local"
    assert seen["DB_PASSWORD"] == {"secretKeyRef": {"name": "web-secrets", "key": "link.DB_PASSWORD"}}
    data = shop.one(SECRET, "web-secrets").inputs["stringData"]
    assert is_secret(data), "a password is in the state in plain text"
    assert plain(data) == {
        "link.DB_PASSWORD": "generated-word",
        "link.DB_URL": "store://app:generated-word@db-sql.app-shop.svc.cluster.local:3306/",
    }
    assert shop.of("altostratus:kept:Password")["db-password"]["length"] == 20


def test_text_that_kubernetes_would_expand_stays_as_written(shop: Engine) -> None:
    assert variables(container(shop, "web"))["PRICE"] == "$$(COST)"


def test_a_changed_file_replaces_the_members_that_read_it_and_no_others() -> None:
    def sums(text: str) -> tuple[dict[str, str], dict[str, str]]:
        made = deploy(Engine(), plan_of(text))
        return tuple(  # type: ignore[return-value]
            pod(made, name, kind)["metadata"]["annotations"]
            for name, kind in (("web", DEPLOYMENT), ("db", STATEFUL_SET))
        )

    web, db = sums(SHOP)
    changed_web, changed_db = sums(SHOP.replace("a = 1", "a = 2"))
    assert web[CONFIG_CHECKSUM] != changed_web[CONFIG_CHECKSUM]
    assert web[SECRETS_CHECKSUM] == changed_web[SECRETS_CHECKSUM]
    assert db == changed_db


def test_the_checksum_of_secrets_is_kept_secret_itself(shop: Engine) -> None:
    template = shop.one(DEPLOYMENT, "web").inputs["spec"]["template"]
    assert is_secret(template["metadata"]["annotations"][SECRETS_CHECKSUM])


def test_data_is_claimed_for_each_member_and_kept(shop: Engine) -> None:
    spec = shop.of(STATEFUL_SET)["db"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "1Gi"}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenScaled": "Retain", "whenDeleted": "Retain"}
    assert spec["template"]["spec"]["securityContext"]["fsGroup"] == 999
    assert spec["serviceName"] == "db"


def test_probes_ask_the_port_they_name(shop: Engine) -> None:
    found = container(shop, "web")
    assert found["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8080, "scheme": "HTTP"}
    assert found["readinessProbe"]["periodSeconds"] == 2
    assert found["livenessProbe"]["httpGet"]["port"] == 9000


def test_members_are_spread_over_hosts_without_insisting(shop: Engine) -> None:
    rules = {each["topologyKey"]: each for each in pod(shop, "web")["spec"]["topologySpreadConstraints"]}
    assert rules["kubernetes.io/hostname"]["whenUnsatisfiable"] == "ScheduleAnyway"


def test_the_scale_sets_the_replicas_and_nothing_else(engine: Engine) -> None:
    before = deploy(Engine(), plan_of(SHOP))
    after = deploy(engine, plan_of(SHOP, scale=ScaleState(clusters={"web": 5}, generation=3)))
    inputs = {each.urn: each.inputs for each in before.registered}
    assert inputs.keys() == {each.urn for each in after.registered}
    changed = {each.urn for each in after.registered if plain(inputs[each.urn]) != plain(each.inputs)}
    assert changed == {after.one(DEPLOYMENT, "web").urn}
    assert after.of(DEPLOYMENT)["web"]["spec"]["replicas"] == 5


def test_only_clusters_that_can_have_several_members_get_a_disruption_budget(shop: Engine) -> None:
    budgets = shop.of("policy/v1:PodDisruptionBudget")
    assert set(budgets) == {"web"}
    assert budgets["web"]["spec"]["maxUnavailable"] == 1


def test_services_are_not_waited_for_so_that_a_cluster_may_have_no_members(shop: Engine) -> None:
    for name, inputs in shop.of(SERVICE).items():
        assert inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true", name


def test_urls_name_every_host_at_the_port_it_was_given(shop: Engine) -> None:
    assert plain(shop.exports["urls"]) == [
        f"http://10.88.0.11:{NODE_PORT}",
        f"http://10.88.0.12:{NODE_PORT}",
    ]
    web = plain(shop.exports["clusters"])["web"]
    assert web["nodePorts"] == {"http": NODE_PORT}
    assert web["services"]["admin"] == "web-admin.app-shop.svc.cluster.local:9000"


def test_every_member_can_pull_from_the_clouds_registry(shop: Engine) -> None:
    secret = shop.one(SECRET, "altostratus-registry")
    assert is_secret(secret.inputs["stringData"])
    entry = json.loads(plain(secret.inputs)["stringData"][".dockerconfigjson"])["auths"]["10.88.0.3:5000"]
    assert base64.b64decode(entry["auth"]) == b"altostratus:pass"
    for name, kind in (("web", DEPLOYMENT), ("db", STATEFUL_SET)):
        assert {"name": "altostratus-registry"} in pod(shop, name, kind)["spec"]["imagePullSecrets"]


def test_a_login_with_a_colon_survives_the_pull_secret() -> None:
    entry = json.loads(docker_config("r:5000", "u", "p:w"))["auths"]["r:5000"]
    assert base64.b64decode(entry["auth"]) == b"u:p:w"


def test_an_artifact_without_a_place_is_refused_by_name(engine: Engine) -> None:
    text = SHOP.replace("artifact: {path: /srv/site}\n", "")
    with pytest.raises(ApplicationError, match=r"web.*site.*no place"):
        deploy(engine, plan_of(text))


def test_an_image_that_the_platform_does_not_build_is_named_with_what_it_has(engine: Engine) -> None:
    text = SHOP.replace("image: registry.example.org/site:1", "build: {}")
    with pytest.raises(ApplicationError, match=r"needs the image site.*there are php.*\n.*alto build"):
        deploy(engine, plan_of(text), images=Images({"php": "x"}, "y"))


def test_all_objects_stand_below_the_application(shop: Engine) -> None:
    top = shop.one("altostratus:application:Application", "shop").urn
    parents = {each.urn: each.parent for each in shop.registered}
    for each in shop.registered:
        urn = each.urn
        while urn in parents and urn != top:
            urn = parents[urn]
        assert urn == top, f"{each.type} {each.name} is outside the application"
