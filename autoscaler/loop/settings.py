"""The autoscaler's own settings: a YAML file, all keys optional."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel


class SettingsError(Exception):
    """The settings cannot be used; the message has a line for each reason."""

    exit_code = 2


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Serving(_Model):
    """Where `/metrics` and `/healthz` are; certificate and token are made at first use where not given."""

    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 9443
    """0 takes any free port, named in `serve.json` of the autoscaler's folder."""
    certificate: Path | None = None
    key: Path | None = None
    token_file: Path | None = None


class Sharing(_Model):
    """Several autoscalers over the same stacks: leases in one cloud say who acts on which."""

    cloud: str
    """Where the leases are."""
    namespace: str = "altostratus"
    """In which namespace; it has to be there."""
    identity: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=40)] | None = None
    """This autoscaler's own name, the same after a restart; left out, the host's."""


class Settings(_Model):
    """What `alto autoscale --settings FILE` reads."""

    period: Annotated[float, Field(ge=1, le=60)] = 5.0
    """Seconds between looks."""
    sources: tuple[str, ...] = ("kubelet", "balancer")
    """The sources of measurements by name; third parties' are named by their entry points."""
    source_settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What each source is told, by its name: for prometheus `{url, tokenFile, caFile}`."""
    clouds: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)
    """The same for single clouds, by cloud and source; over the general ones."""
    side_by_side: Annotated[int, Field(ge=1, le=64)] = 2
    """Updates of different stacks at once."""
    policy_packs: tuple[Path, ...] = ()
    """Pulumi policy packs that check every update."""
    policy_pack_configs: tuple[Path, ...] = ()
    """Their configurations: the first is of the first pack, and so on."""
    serve: Serving = Serving()
    sharing: Sharing | None = None
    """Left out, one autoscaler acts, and another one of the same checkout stands by."""

    def of_source(self, name: str, cloud: str) -> dict[str, Any]:
        """What a source is told for a cloud."""
        return {**self.source_settings.get(name, {}), **self.clouds.get(cloud, {}).get(name, {})}


def load(path: Path | None) -> Settings:
    """The settings of a file, or the usual ones. Raises SettingsError."""
    if path is None:
        return Settings()
    try:
        return Settings.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
            f" (found {fault['input']!r})"
            for fault in error.errors(include_url=False)
        ]
        allowed = ", ".join(to_camel(name) for name in Settings.model_fields)
        raise SettingsError("\n  ".join([*lines, f"Allowed keys: {allowed}."])) from error
