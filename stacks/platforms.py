"""The stack kind `platform-<cloud>`: the registry, the images in it, and repositories to read.

Not named `platform`: the program's folder comes first on the path, and Python has a module of that name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from blueprints.kinds.cartridge import Cartridge
from blueprints.workspace import Workspace
from components import storage
from components.cartridge_image import (
    CartridgeImage,
    ImageSource,
    RegistryAccess,
    build_images,
    image_sources,
)
from components.cloud_service import CloudSite
from components.git_server import GitServer
from components.hosts.host_image import build_context
from components.load_balancer.images import balancer_sources
from components.registry import Registry
from components.registry_access import trusted_address
from components.registry_login import RegistryLogin
from stacks import settings, shared_balancers
from stacks.config_file import NAMESPACE
from stacks.kubernetes_provider import kubernetes_provider
from stacks.names import StackName
from stacks.references import OtherStack
from toolchain import base_image, paths

CONTAINERS = "docker"
"""The driver whose hosts are on a network of the engine here, so that other containers can be beside them."""
ARTIFACT_IMAGE = "artifact"
PAGE_IMAGE = "page"


def build(stack: StackName) -> None:
    """Make what `altostratus:platform` describes.

    Exports `cloud`, `registry` (address, username, password (secret), caCertificate), `images` (references
    by digest, by cartridge), `artifactImage`, `pageImage`, `balancerImages` (by program), `balancers`
    (shared ones by document), `gitRepositories` (URLs by name), `gitMirrors` (URLs here by the URL that they
    stand for), and `storageClass` (the class made here; empty where the cluster keeps its own).
    """
    chosen = settings.load(settings.PlatformStack, stack.text).platform
    cartridges = named_cartridges(chosen.cartridges)
    cloud = stack.subject
    # Clouds of other machines have no network of ours to put services on.
    sited = chosen.registry is None or bool(chosen.git_repositories)
    # A program may refer to another stack once only.
    inside = chosen.local_storage or bool(chosen.load_balancers)
    hosts = OtherStack(f"hosts-{cloud}") if sited or inside else None
    site = _site(stack, hosts, chosen) if hosts is not None and sited else None
    registry = _registry(cloud, chosen.registry, site)
    login = RegistryLogin(registry.address, registry.username, registry.password, registry.ca_certificate)
    fronts = shared_balancers.planned(chosen.load_balancers)
    # Pushing goes through this machine's engine, which must trust the registry and reach it first.
    address = trusted_address(cloud, registry.address, registry.ca_certificate)
    access = RegistryAccess(address, registry.username, registry.password)
    preview = pulumi.runtime.is_dry_run()
    base = base_image.base_reference() if preview else base_image.ensure_base().reference
    sources = _sources(cartridges, paths.home() / "builds" / stack.text)
    images = build_images(sources, access, base)
    balancers = {
        program: CartridgeImage(f"balancer-{program}", source, access, base).reference
        for program, source in balancer_sources().items()
    }
    fetcher = CartridgeImage(ARTIFACT_IMAGE, _own_source(ARTIFACT_IMAGE), access, base)
    page = CartridgeImage(PAGE_IMAGE, _own_source(PAGE_IMAGE), access, base)
    repositories = {name: Path(path) for name, path in chosen.git_repositories.items()}
    pulumi.export("cloud", cloud)
    provider = kubernetes_provider(cloud, hosts.require("kubeconfig")) if hosts and inside else None
    if provider is not None and chosen.local_storage:
        pulumi.export("storageClass", _storage(cloud, provider, access, login, base))
    else:
        pulumi.export("storageClass", "")
    if hosts is not None and provider is not None and fronts:
        nodes = hosts.require("nodes")
        made = shared_balancers.make(cloud, fronts, balancers, login, nodes, provider)
        pulumi.export("balancers", made)
    else:
        pulumi.export("balancers", {})
    pulumi.export(
        "registry",
        {
            "address": registry.address,
            "username": registry.username,
            "password": registry.password,
            "caCertificate": registry.ca_certificate,
        },
    )
    pulumi.export("images", images)
    pulumi.export("artifactImage", fetcher.reference)
    pulumi.export("pageImage", page.reference)
    pulumi.export("balancerImages", balancers)
    urls = GitServer(f"{cloud}-git", site, repositories).urls if site and repositories else None
    pulumi.export("gitRepositories", urls or {})
    mirrored = {original: name for name, original in chosen.git_mirrors.items()}
    pulumi.export("gitMirrors", urls.apply(partial(_here, mirrored)) if urls is not None else {})


def _here(mirrored: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, str]:
    return {original: urls[name] for original, name in mirrored.items()}


@dataclass(frozen=True)
class _Registry:
    """What the rest needs to know of a registry, wherever it comes from."""

    address: pulumi.Output[str]
    username: str
    password: pulumi.Output[str]
    ca_certificate: pulumi.Output[str]


def _registry(cloud: str, given: settings.ExternalRegistry | None, site: CloudSite | None) -> _Registry:
    if given is not None:
        return _Registry(
            pulumi.Output.from_input(given.address),
            given.username,
            settings.registry_password(),
            pulumi.Output.from_input(given.authority()),
        )
    if site is None:
        raise ValueError("a registry of its own needs a site")
    made = Registry(f"{cloud}-registry", site)
    return _Registry(made.address, made.username, made.password, made.ca_certificate)


def named_cartridges(wanted: tuple[str, ...]) -> Mapping[str, tuple[Cartridge, Path]]:
    """Cartridges with the folder their paths start from, by name.

    An entry is a path when it has a slash or is there as a file or folder, else the name of a
    cartridge. Raises DocumentError where a document is wrong or there is none of a name.
    """
    places = [entry for entry in wanted if "/" in entry or (paths.root() / entry).exists()]
    workspace = Workspace.load([paths.root() / place for place in places]) if places else Workspace()
    names = [entry for entry in wanted if entry not in places]
    names += [cartridge.name for cartridge in workspace.all(Cartridge)]
    found = {}
    for name in dict.fromkeys(names):
        cartridge = workspace.get(Cartridge, name)
        found[name] = (cartridge, workspace.folder(cartridge))
    return found


def _sources(cartridges: Mapping[str, tuple[Cartridge, Path]], into: Path) -> dict[str, ImageSource]:
    return {
        key: source
        for cartridge, folder in cartridges.values()
        for key, source in image_sources(cartridge, folder, into)
    }


def _own_source(name: str) -> ImageSource:
    folder = paths.root() / "toolchain" / "images" / name
    return ImageSource(f"altostratus/{name}", folder, folder / "Dockerfile")


def _storage(
    cloud: str, provider: k8s.Provider, access: RegistryAccess, login: RegistryLogin, base: str
) -> pulumi.Output[str]:
    """The default storage class, on the hosts' own disks."""
    context = build_context(storage.IMAGE, (storage.TOOL,))
    source = ImageSource("altostratus/local-storage", context.folder, context.folder / "Dockerfile")
    image = CartridgeImage(storage.IMAGE, source, access, base).reference
    made = storage.LocalStorage(
        f"{cloud}-storage", image, login, pulumi.ResourceOptions(providers=[provider])
    )
    return made.storage_class


def _require_containers(stack: StackName, chosen: settings.Platform, driver: str) -> None:
    """Stop the update, in words, where the cloud's services could not be beside its hosts."""
    if driver == CONTAINERS:
        return
    setting = f"{settings.config_path(stack.text).name}: {NAMESPACE}:platform"
    problems = []
    if chosen.registry is None:
        problems.append(
            f"{setting}.registry is missing. Left out, a cloud gets its own, a container beside its hosts; "
            f"but those of {stack.subject} are of the driver {driver}, which no container here is beside.\n"
            "  Name one that this machine and the hosts reach: registry: {address, username, caCertificate}, "
            f"and its password: pulumi config set --secret {NAMESPACE}:{settings.REGISTRY_PASSWORD}"
        )
    if chosen.git_repositories:
        problems.append(
            f"{setting}.gitRepositories names {', '.join(chosen.git_repositories)}. A container beside the "
            f"hosts shows them; but those of {stack.subject} are of the driver {driver}.\n"
            "  Take them out, and have documents name repositories that the hosts reach."
        )
    raise pulumi.RunError("\n".join(problems))


def _site(stack: StackName, hosts: OtherStack, chosen: settings.Platform) -> CloudSite:
    # Hosts from before they told their driver are containers.
    beside = hosts.known("driver", CONTAINERS).apply(partial(_require_containers, stack, chosen))
    authority = beside.apply(lambda _: hosts.require("registryCa"))
    return CloudSite(
        stack.subject,
        network=beside.apply(lambda _: hosts.require("network")),
        subnet=beside.apply(lambda _: hosts.require("subnet")),
        ca_certificate=authority.apply(lambda pair: str(pair["certificate"])),
        ca_private_key=authority.apply(lambda pair: str(pair["privateKey"])),
    )
