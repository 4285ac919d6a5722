"""In which clouds a tenant's applications may run. Pure."""

from blueprints.kinds.application import Application
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.kinds.tenant import Tenant
from blueprints.workspace import Workspace


def refusal(workspace: Workspace, application: str, cloud: str) -> str:
    """Why an application may not run in a cloud, and what helps; empty where its tenant lets it.

    Documents that are missing or cannot be used refuse nothing: that is validation's to do.
    """
    found = workspace.find(Application.KIND, application)
    owner = found.model.tenant if found is not None and isinstance(found.model, Application) else None
    tenant = next((each for each in workspace.all(Tenant) if each.name == owner), None)
    if tenant is None or not tenant.clouds:
        return ""
    networks = {each.name: each for each in workspace.all(NetworkPartition)}
    allowed = dict.fromkeys(networks[name].cloud for name in tenant.clouds if name in networks)
    if cloud in allowed:
        return ""
    there = [name for name, each in networks.items() if each.cloud == cloud]
    more = f"add {there[0]} to them" if there else f"add a network partition of {cloud} to them"
    return (
        f"{application} may not run in the cloud {cloud}: its tenant {tenant.name} may use "
        f"{', '.join(tenant.clouds)}, which {'is' if len(tenant.clouds) == 1 else 'are'} in "
        f"{', '.join(allowed) or 'no cloud'}\n  Choose one of those, or {more} (`clouds` of the tenant)."
    )
