"""One of each service for one machine, with admin ports in a row."""

from __future__ import annotations

from collections.abc import Sequence

from relevo.supervisor import ServiceSpec

FIRST_ADMIN_PORT = 9401


def on_ports(specs: Sequence[ServiceSpec], ports: Sequence[int]) -> list[ServiceSpec]:
    """The services with these admin ports."""
    return [
        spec._replace(env={"RELEVO_SERVICE_ADMIN_PORT": str(port)}, admin_port=port)
        for spec, port in zip(specs, ports, strict=True)
    ]


def fleet(agents: Sequence[str], first_admin_port: int = FIRST_ADMIN_PORT) -> list[ServiceSpec]:
    """The services in the order of their start: what sends first, what takes work last.

    Agents of each type are a service of their own, `agents-<type>`; one may be given as `type=module:function`. A first
    port of 0 lets each take a free one.
    """
    names = [("lease", ""), ("egress", ""), *(("agents", agent) for agent in agents)]
    names += [("conversations", ""), ("webhooks", "")]
    return [
        ServiceSpec(
            name=f"{name}-{agent.partition('=')[0]}" if agent else name,
            arguments=("serve", name, *(("--agent", agent) if agent else ())),
            env={"RELEVO_SERVICE_ADMIN_PORT": str(port)},
            admin_port=port,
        )
        for number, (name, agent) in enumerate(names)
        for port in [first_admin_port + number if first_admin_port else 0]
    ]
