"""The API group and version that all resources of the operator belong to."""

from typing import Final

GROUP: Final = "zookeeper.ensemble.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
