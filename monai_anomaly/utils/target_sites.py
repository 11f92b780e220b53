# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

from monai.utils import ensure_tuple

__all__ = ["target_sites"]


def target_sites(target: str | Sequence[str]) -> list[str]:
    """Names of the site, or the sites, of the target domain: text, as samples have them, also where a site is called by
    a number."""
    return [str(name) for name in ensure_tuple(target)]
