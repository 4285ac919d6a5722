"""How every stack talks to a cloud's cluster."""

import pulumi
import pulumi_kubernetes as k8s


def kubernetes_provider(cloud: str, kubeconfig: pulumi.Input[str]) -> k8s.Provider:
    """The provider for objects in the cloud's cluster."""
    return k8s.Provider(
        cloud,
        kubeconfig=kubeconfig,
        enable_server_side_apply=True,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # An update that was killed between making an object and recording it goes on with that object.
        upsert_existing_objects=True,
        # The documents say how it is: what others changed by hand is changed back, not argued about.
        enable_patch_force=True,
    )
