"""``cases --json``: the planned cells for programs."""

from collections.abc import Iterable
from typing import Any

from conformance.catalogue.case import Cell, Suite

__all__ = ["cells_document"]


def cells_document(suite: Suite, cells: Iterable[Cell]) -> dict[str, Any]:
    """The planned cells as one JSON-able document."""
    return {
        "schema_version": 1,
        "contract_version": suite.contract.version,
        "digest": suite.digest,
        "cells": [
            {
                "id": cell.id,
                "case": cell.case.id,
                "runtime": cell.runtime,
                "requirements": list(cell.case.covers),
                "polarity": cell.case.polarity,
                "control": cell.case.control,
                "plan": cell.plan,
                "needs": sorted(cell.case.needs),
                "tags": sorted(cell.case.tags),
            }
            for cell in cells
        ],
    }
