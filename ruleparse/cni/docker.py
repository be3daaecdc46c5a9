"""Docker (moby)."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row
from ruleparse.cni.versions import Sign

BRIDGE = r"(docker0|docker_gwbridge|br-[0-9a-f]{12})"


class Docker(Decoder):
    """Docker: published ports, isolation of its networks, masquerading; the layouts up to 27 and since 28.

    A Docker that turns on forwarding itself sets the policy of FORWARD to DROP, which takes pods along.
    """

    name = "docker"
    title = "Docker"
    under_drop = "Docker sets this policy when it turns on forwarding itself."
    markers = ("DOCKER", "DOCKER-USER")

    signs = (
        Sign("filter", "DOCKER-FORWARD", since="28"),
        Sign("filter", "FORWARD", f"-o {BRIDGE} -j DOCKER", until="27"),
        Sign("filter", "DOCKER-ISOLATION-STAGE-1", since="17.12"),
        Sign("filter", "DOCKER-ISOLATION", until="17.11"),
    )
    chains = (
        Name("DOCKER", "published ports of containers"),
        Name("DOCKER-USER", "rules of your own, before Docker's"),
        Name("DOCKER-ISOLATION.*", "isolation of Docker's networks"),
        Name("DOCKER-FORWARD", "forwarding for containers"),
        Name("DOCKER-CT", "known connections of containers"),
        Name("DOCKER-BRIDGE", "to containers"),
        Name("DOCKER-INTERNAL", "internal networks of Docker"),
        Name("DOCKER-INGRESS", "published ports of a swarm"),
    )
    rules = (
        Row("from the container network itself", chain="DOCKER", target="RETURN", group="nat"),
        Row("published port {dport}: to container {to_destination}", chain="DOCKER", target="DNAT"),
        Row("published port of container {d}: accept", chain="DOCKER", target="ACCEPT"),
        Row("a port that no container on {o} publishes", chain="DOCKER", target="DROP"),
        Row("leaves {i} for elsewhere", chain="DOCKER-ISOLATION.*", target="DOCKER-ISOLATION.*"),
        Row("into {o} from another network of Docker", chain="DOCKER-ISOLATION.*", target="DROP"),
        Row("nothing against it", chain="DOCKER-(USER|ISOLATION.*)", target="RETURN"),
        Row("to container {d} past its bridge", chain="PREROUTING", target="DROP", words=f"! -i {BRIDGE}", group="raw"),
        Row("part of a known connection of a container", words=f"-o {BRIDGE} .*ESTABLISHED .*-j ACCEPT"),
        Row("from one container to another on {i}", chain="FORWARD", words=f"-i {BRIDGE} -o {BRIDGE} -j ACCEPT"),
        Row("from a container to elsewhere", words=f" -i {BRIDGE} (! -o {BRIDGE} )?-j ACCEPT"),
        Row("a container calls itself by its published port: masquerade", words=r"-s (\S+) -d \1 .*-j MASQUERADE"),
        Row("from container network {s} to elsewhere: masquerade", words=f"! -o {BRIDGE} -j MASQUERADE"),
    )
    decisions = (
        Row("No container on {o} publishes this port.", chain="DOCKER", target="DROP"),
        Row(
            "Docker keeps its networks apart: nothing goes from one of its bridges to {o}.",
            chain="DOCKER-ISOLATION.*",
            target="DROP",
        ),
        Row(
            "Containers are reached through their bridge only: a packet to {d} must not come by another interface.",
            chain="PREROUTING",
            target="DROP",
            words=f"! -i {BRIDGE}",
            group="raw",
        ),
    )
    interfaces = (
        Name("docker0", "Docker's default bridge"),
        Name("docker_gwbridge", "bridge of a Docker swarm"),
        Name("br-[0-9a-f]{12}", "bridge of a Docker network"),
    )
