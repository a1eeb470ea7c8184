"""Settings: what the environment may say, declared once, one class an area.

`load(Area)` gives the checked object or raises `SettingsError` with one line per wrong variable. Variables
are named `RELEVO_<AREA>_<NAME>`; every secret can also come from a file, whose path is in `<variable>_FILE`.
`AREAS` lists all areas; the page `docs/reference/settings.md` is generated from it.
"""

from runtime.settings.area import Area, SettingsError, describe, load, unknown_variables
from runtime.settings.egress import EgressSettings
from runtime.settings.hooks import HooksSettings
from runtime.settings.ingress import IngressSettings
from runtime.settings.kafka import KafkaSettings
from runtime.settings.lease import LeaseSettings
from runtime.settings.processor import ProcessorSettings
from runtime.settings.service import KeysSettings, ServiceSettings, TenantsSettings

AREAS: tuple[type[Area], ...] = (
    KafkaSettings,
    ServiceSettings,
    IngressSettings,
    ProcessorSettings,
    EgressSettings,
    LeaseSettings,
    KeysSettings,
    TenantsSettings,
    HooksSettings,
)

__all__ = [
    "AREAS",
    "Area",
    "EgressSettings",
    "HooksSettings",
    "IngressSettings",
    "KafkaSettings",
    "KeysSettings",
    "LeaseSettings",
    "ProcessorSettings",
    "ServiceSettings",
    "SettingsError",
    "TenantsSettings",
    "describe",
    "load",
    "unknown_variables",
]
