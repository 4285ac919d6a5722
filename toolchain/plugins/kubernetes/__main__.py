from toolchain.plugins.kubernetes.provider import KubernetesProvider
from toolchain.plugins.protocol import serve

if __name__ == "__main__":
    serve(KubernetesProvider())
