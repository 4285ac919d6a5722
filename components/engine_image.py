"""Images that are made from this project's own Dockerfiles and stay in the local engine."""

import pulumi
import pulumi_docker as docker

from components.hosts.host_image import BuildContext


def engine_image(name: str, context: BuildContext, opts: pulumi.ResourceOptions) -> docker.Image:
    """The image of a build context, not pushed anywhere."""
    return docker.Image(
        name,
        image_name=context.name,
        skip_push=True,
        build=docker.DockerBuildArgs(
            context=str(context.folder),
            dockerfile=str(context.folder / "Dockerfile"),
            args={"BASE": context.base},
            builder_version=docker.BuilderVersion.BUILDER_V1,
        ),
        opts=opts,
    )
