"""Every setting of the stacks `platform-*` and `app-*`: read here, checked as a whole, told in words."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import pulumi
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from blueprints.findings import DocumentError
from blueprints.names import NAME_PATTERN, PATTERN_MEANINGS
from blueprints.nearest import nearest
from blueprints.plan import Data
from blueprints.quantities import Duration
from blueprints.scale import ScaleState
from blueprints.steering import Steering
from stacks.config_file import NAMESPACE, keys, line_of
from toolchain import paths

S = TypeVar("S", bound="StackSettings")

REGISTRY_PASSWORD = "registryPassword"  # noqa: S105
"""The key of the password of a registry that is there already."""

PAGE_LIMIT = 512 * 1024
"""The largest page for maintenance, in bytes: a ConfigMap holds no more than twice that."""

SECRETS = "secrets"
"""The key of an application's secret settings: a mapping of names to encrypted values."""


class SettingsError(Exception):
    """The stack's settings cannot be used; `problems` has one sentence for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class StackSettings(_Settings):
    """The keys of one kind of stack."""


def _paths(value: Any) -> Any:
    return tuple([value] if isinstance(value, str) else value) if isinstance(value, (str, list)) else value


Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
Paths = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_paths)]


class ExternalRegistry(_Settings):
    """A registry that is there already; its password is the secret setting `altostratus:registryPassword`.

    `address`: host:port, or host. `ca_certificate`: a file (PEM) from the project's folder, where no public
    authority signed its certificate; hosts trust it where `registries` of `altostratus:hosts` names it too.
    """

    address: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]
    username: Annotated[str, Field(min_length=1)]
    ca_certificate: str | None = None

    def authority(self) -> str:
        """The PEM of its authority; empty where the public ones vouch for it."""
        return (paths.root() / self.ca_certificate).read_text() if self.ca_certificate else ""

    @field_validator("ca_certificate")
    @classmethod
    def _certificate(cls, given: str | None) -> str | None:
        if given is not None and "BEGIN CERTIFICATE" not in _text(str(paths.root() / given)):
            raise ValueError(f"{given} holds no certificate in PEM form")
        return given


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


class SharedBalancer(_Settings):
    """A load balancer that applications of the cloud share.

    `document`: a LoadBalancer of scope cloud. `blueprint`: files and folders with it and with the documents
    of `applications`, from the project's folder.
    """

    document: Name
    blueprint: Annotated[Paths, Field(min_length=1)]
    applications: Annotated[tuple[Name, ...], BeforeValidator(_paths), Field(min_length=1)]


class Platform(_Settings):
    """What a platform holds.

    `registry`: one that is there already; left out, a cloud of containers gets its own.
    `cartridges`: names of the library's cartridges, and paths of files or folders with your own.
    `git_repositories`: bare repositories of this machine that the cloud's git server shows, by name.
    `git_mirrors`: addresses, by the name of one of them, that it stands for: members here fetch from it what
    their documents fetch from there.
    `load_balancers`: those that applications here share.
    `storage`: `local` makes a default storage class on the hosts' own disks, `cloud` leaves it at the
    classes that the cluster has; left out, local where the cloud gets its own registry.
    """

    registry: ExternalRegistry | None = None
    cartridges: Paths = ()
    git_repositories: dict[Name, str] = Field(default_factory=dict)
    git_mirrors: dict[Name, str] = Field(default_factory=dict)
    load_balancers: Annotated[tuple[SharedBalancer, ...], BeforeValidator(_paths)] = ()
    storage: Literal["local", "cloud"] | None = None

    @property
    def local_storage(self) -> bool:
        """Whether volumes are made on the hosts' own disks."""
        return self.registry is None if self.storage is None else self.storage == "local"

    @field_validator("git_repositories")
    @classmethod
    def _repositories(cls, given: dict[str, str]) -> dict[str, str]:
        for name, text in given.items():
            path = Path(text)
            if not path.is_absolute():
                raise ValueError(f"{name} is {text!r}; write an absolute path")
            if not (path / "HEAD").is_file() or not (path / "objects").is_dir():
                raise ValueError(f"{name} is {text}, which is not a bare git repository (git clone --bare)")
        return given

    @model_validator(mode="after")
    def _mirrors(self) -> Self:
        if unknown := [name for name in self.git_mirrors if name not in self.git_repositories]:
            there = ", ".join(self.git_repositories) or "none"
            raise ValueError(f"gitMirrors names {', '.join(unknown)}, but gitRepositories has {there}")
        return self


class PlatformStack(StackSettings):
    """The settings of `platform-<cloud>`."""

    platform: Platform = Platform()


class ImagesStack(StackSettings):
    """The settings of `images-<name>` and `images-<name>--<cloud>`.

    `blueprint`: files and folders with the application's documents, from the project's folder.
    """

    cloud: Name
    application: Name
    blueprint: Annotated[Paths, Field(min_length=1)]


class MaintenanceSettings(_Settings):
    """An application in maintenance: its public web ports answer with a page, 503 and Retry-After.

    `page`: a file with the page's HTML, from the project's folder; left out, a plain one.
    `retry_after`: when clients may ask again.
    """

    page: Annotated[str, Field(min_length=1)] | None = None
    retry_after: Duration = Duration("2m")

    @field_validator("page")
    @classmethod
    def _is_a_page(cls, given: str | None) -> str | None:
        if given is not None and len(_text(str(paths.root() / given)).encode()) > PAGE_LIMIT:
            raise ValueError(f"{given} is over {PAGE_LIMIT // 1024} KiB; keep pictures elsewhere")
        return given

    def text(self) -> str | None:
        """The page's HTML; None for the plain one."""
        return _text(str(paths.root() / self.page)) if self.page else None


class ApplicationStack(ImagesStack):
    """The settings of `app-<name>` and `app-<name>--<cloud>`: those of its images, and its own.

    `images`: the stack that builds what the application brings itself (`alto build`); left out, the
    platform has everything. `maintenance`: true, or how; left out, the application serves. `revision`:
    what `alto rollback` went back to. `autoscaling`: what the autoscaler is told of the application.
    `copy`: what this copy is called where its stack's name does not say it (after `alto migrate`).
    `clusters`: clusters and groups that a copy has, where the others stay at the application's home.
    `data`: whether a copy's data follows that at home, or did until the copy was promoted to be the home.
    """

    images: Annotated[str, Field(pattern=r"^images-[a-z0-9-]+$", max_length=140)] | None = None
    scale: ScaleState = ScaleState()
    autoscaling: Steering = Steering()
    maintenance: MaintenanceSettings | None = None
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None = None
    copy_name: Name | None = Field(default=None, alias="copy")
    clusters: Annotated[Paths, Field(min_length=1)] | None = None
    data: Data | None = None

    @field_validator("maintenance", mode="before")
    @classmethod
    def _maintenance(cls, value: Any) -> Any:
        # Pulumi hands plain values over as text.
        return {"true": {}, "false": None, "": None}.get(str(value).lower(), value)

    @field_validator("autoscaling", mode="before")
    @classmethod
    def _autoscaling(cls, value: Any) -> Steering:
        try:
            return Steering.parse(value)
        except DocumentError as error:
            raise ValueError("; ".join(f"{f.message} ({f.hint})" for f in error.findings)) from None

    @field_validator("scale", mode="before")
    @classmethod
    def _scale(cls, value: Any) -> ScaleState:
        try:
            return ScaleState.parse(value)
        except DocumentError as error:
            raise ValueError("; ".join(f"{f.message} ({f.hint})" for f in error.findings)) from None


def config_path(stack: str) -> Path:
    """The file that the stack's settings are kept in."""
    return paths.root() / "stacks" / "config" / f"Pulumi.{stack}.yaml"


def load(model: type[S], stack: str, defaults: Mapping[str, Any] | None = None) -> S:
    """The stack's settings, over `defaults`. Raises SettingsError with every fault."""
    file = config_path(stack)
    known = {field.alias or name for name, field in model.model_fields.items()}
    unknown = [key for key in keys(file) if key not in (*known, SECRETS, REGISTRY_PASSWORD)]
    return check(model, {**(defaults or {}), **written(model)}, file, unknown)


def written(model: type[StackSettings]) -> dict[str, Any]:
    """The plain values of a model's keys as the config has them, unchecked."""
    config = pulumi.Config(NAMESPACE)
    known = [field.alias or name for name, field in model.model_fields.items()]
    return {key: value for key in known if (value := _value(config, key)) is not None}


def check(model: type[S], values: Mapping[str, Any], file: Path, unknown: Sequence[str] = ()) -> S:
    """Validate plain values; `file` is where they stand. Raises SettingsError with every fault."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    problems = [_place(file, [key]) + f"{NAMESPACE}:{key} " + _not_known(key, known) for key in unknown]
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        problems += [_in_words(fault, model, file) for fault in error.errors(include_url=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def secrets() -> pulumi.Output[Mapping[str, str]] | None:
    """The application's secret settings, as a secret output; None where there are none."""
    return pulumi.Config(NAMESPACE).get_secret_object(SECRETS)


def registry_password() -> pulumi.Output[str]:
    """The password of a registry that is there already. Raises SettingsError where it is not set."""
    password = pulumi.Config(NAMESPACE).get_secret(REGISTRY_PASSWORD)
    if password is None:
        raise SettingsError(
            [
                f"{NAMESPACE}:{REGISTRY_PASSWORD} is missing, which `registry` needs; set it with: "
                f"pulumi config set --secret {NAMESPACE}:{REGISTRY_PASSWORD}"
            ]
        )
    return password


def _value(config: pulumi.Config, key: str) -> Any:
    text = config.get(key)
    # Lists and mappings arrive as JSON, everything else as it was written.
    return json.loads(text) if text is not None and text[:1] in ("[", "{") else text


def _in_words(fault: Any, model: type[BaseModel], file: Path) -> str:
    place = [step for step in fault["loc"] if step != "[key]"]
    setting = f"{NAMESPACE}:{place[0]}" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in place[1:]
    )
    value = fault["input"]
    match fault["type"]:
        case "missing":
            said = f"is missing; set it with: pulumi config set {setting} VALUE"
        case "extra_forbidden":
            said = _not_known(str(place[-1]), _fields_at(model, place[:-1]))
        case "value_error":
            said = f"is not right: {fault['ctx']['error']}"
        case "string_pattern_mismatch":
            pattern = fault["ctx"]["pattern"]
            said = f"is {value!r}; allowed are {PATTERN_MEANINGS.get(pattern, pattern)}"
        case "too_short":
            said = "is empty; name at least one"
        case _:
            said = f"is {value!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
    return f"{_place(file, place)}{setting} {said}"


def _place(file: Path, place: Sequence[str | int]) -> str:
    line = line_of(file, place)
    return f"{file.name}{f':{line}' if line else ''}: "


def _not_known(key: str, known: Sequence[str]) -> str:
    close = nearest(key, known)
    hint = f"did you mean {close}?" if close else f"allowed are {', '.join(known)}"
    return f"is not a setting; {hint}"


def _fields_at(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    for step in place:
        found = next((f.annotation for n, f in model.model_fields.items() if step in (n, f.alias)), None)
        if not isinstance(found, type) or not issubclass(found, BaseModel):
            return []
        model = found
    return [field.alias or name for name, field in model.model_fields.items()]
