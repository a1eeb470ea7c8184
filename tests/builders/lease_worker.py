"""A holder of the token lease as a process: `python -m tests.builders.lease_worker`."""

from __future__ import annotations

import json
import os
from ipaddress import ip_network

from egress.lease.names import Names
from egress.lease.service import serve
from runtime.secrets import KeyRing
from runtime.service import Service, run
from runtime.settings import KafkaSettings, LeaseSettings, ServiceSettings, TenantsSettings


async def main(service: Service) -> None:
    told = json.loads(os.environ["TEST_LEASE"])
    waits = TenantsSettings(private_networks=(ip_network("127.0.0.0/8"),))
    kafka = KafkaSettings(bootstrap=told["bootstrap"])
    names, ring = Names(**told["names"]), KeyRing.parse(told["ring"])
    await serve(service, kafka, LeaseSettings(**told["settings"]), waits, ring, names)


if __name__ == "__main__":
    run(main, name="lease", settings=ServiceSettings(instance=os.environ["TEST_INSTANCE"]))
