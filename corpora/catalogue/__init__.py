"""Which nodes the corpora hold."""

from __future__ import annotations

from .dump import Dump


def all_dumps() -> list[Dump]:
    from . import calico_nodes, cloud_nodes, kube_proxy_nodes, plain_nodes

    modules = (kube_proxy_nodes, calico_nodes, cloud_nodes, plain_nodes)
    return [dump for module in modules for dump in module.dumps()]
