# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from ...utils import describe, known_cause

__all__ = ["answer_with_reason", "status_and_reason"]

BAD_REQUEST, SERVER_ERROR = 422, 500


def status_and_reason(error: BaseException) -> tuple[int, str]:
    """What a client is told of a request that failed: the status of HTTP, and one line.

    Args:
        error: whatever a request raised. Input that cannot be used gives 422, anything else 500.
    """
    own = getattr(error, "msg", None)  # of MONAI Label: str() shows a tuple
    if type(error).__module__.startswith("monailabel") and own is not None:
        return BAD_REQUEST, str(own)
    return SERVER_ERROR if known_cause(error) is None else BAD_REQUEST, describe(error)


async def answer_with_reason(request: Any, error: Exception) -> Any:
    """Answer ``{"detail": reason}``, where MONAI Label would say "Internal Server Error"; the server prints all."""
    from starlette.responses import JSONResponse

    status, reason = status_and_reason(error)
    return JSONResponse({"detail": reason}, status)
