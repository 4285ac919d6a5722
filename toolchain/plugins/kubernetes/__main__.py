import sys

from toolchain.plugins.kubernetes.provider import KubernetesProvider
from toolchain.plugins.protocol import serve
from toolchain.plugins.protocol.serving import serve_resident

if __name__ == "__main__":
    if "--resident" in sys.argv[1:]:
        serve_resident(KubernetesProvider)
    serve(KubernetesProvider())
