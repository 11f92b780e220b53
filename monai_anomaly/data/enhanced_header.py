# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["ENHANCED_TAGS", "enhanced_agent", "enhanced_sequence", "enhanced_type"]

_TYPES = ("ComplexImageComponent", "AcquisitionContrast", "VolumeBasedCalculationTechnique")
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
ENHANCED_TAGS = (
    "ContrastBolusAgentSequence",
    "EchoPulseSequence",
    "EchoPlanarPulseSequence",
    *_TYPES,
    *_GROUPS,
)
"""Where enhanced (multi-frame) MR has what single slices say as Contrast/Bolus Agent, Scanning Sequence, Image Type."""

_ECHOES = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}


def enhanced_agent(header: Any) -> str:
    """The meanings of the contrast agents; empty where there is none, or none of them was given yet."""
    given = {_said(item, "ContrastBolusAgentAdministered") for item in _groups(header, "ContrastBolusUsageSequence")}
    if given == {"NO"}:
        return ""
    agents = header.get("ContrastBolusAgentSequence") or []
    return ", ".join(str(agent.get("CodeMeaning") or agent.get("CodeValue") or "agent") for agent in agents)


def enhanced_sequence(header: Any) -> list[str]:
    """In the words of Scanning Sequence."""
    found = list(_ECHOES.get(_said(header, "EchoPulseSequence"), []))
    if _said(header, "EchoPlanarPulseSequence") == "YES":
        found.append("EP")
    if any(_said(item, "InversionRecovery") == "YES" for item in _groups(header, "MRModifierSequence")):
        found.append("IR")
    return found


def enhanced_type(header: Any) -> list[str]:
    """What of the signal and of the weighting it shows and how it was computed, e.g. ``PHASE``, ``T2``, ``MAX_IP``; of
    the whole and of each frame."""
    frames = list(_groups(header, "MRImageFrameTypeSequence"))
    values = [_said(item, name) for item in (header, *frames) for name in _TYPES]
    values += [str(v) for item in frames for v in item.get("FrameType") or []]
    return [value for value in dict.fromkeys(values) if value not in ("", "NONE")]


def _groups(header: Any, name: str) -> Iterator[Any]:
    """The items of a functional group, of all frames or of each."""
    for place in _GROUPS:
        for group in header.get(place) or []:
            yield from group.get(name) or []


def _said(header: Any, name: str) -> str:
    return str(header.get(name) or "").strip().upper()
