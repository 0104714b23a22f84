"""Every setting as the documentation shows it."""

from __future__ import annotations

from typing import NamedTuple

from clicklake.contracts.explain import Keys, describe, dotted, schemas_at
from clicklake.settings.all import Settings


class SettingReference(NamedTuple):
    """One setting, as the documentation shows it; `*` in the key stands for any name."""

    key: str
    type: str
    default: str
    description: str


def settings_reference(under: Keys = ()) -> list[SettingReference]:
    """Every setting that holds a value, in the order of the file."""
    found: list[SettingReference] = []
    for schema in schemas_at(Settings, under):
        if isinstance(schema.get("additionalProperties"), dict):
            found += settings_reference((*under, "*"))
        for name, child in schema.get("properties", {}).items():
            path = (*under, name)
            inner = schemas_at(Settings, path)
            values = inner[0].get("additionalProperties")
            if isinstance(values, dict) and values.get("type") == "string":
                found.append(SettingReference(f"{dotted(path)}.*", describe([values]), "null", child["description"]))
                continue
            if inner[0].get("type") == "object":
                found += settings_reference(path)
                continue
            default = child.get("default", [])
            shown = "null" if default is None else str(default)
            found.append(SettingReference(dotted(path), describe(inner), shown, child["description"]))
    return found
