"""The badge: as JSON for shields.io's endpoint, and as an SVG that needs nobody."""

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["badge_json", "badge_svg"]

_LABEL = "conformance"
_COLOURS = {0: "#2f7d4f", 1: "#b3352c", 4: "#8a6d1a"}
# Widths of Verdana at 11 px, good enough for lower case, digits and a few marks.
_WIDE, _NARROW, _USUAL = "mw%", "filjt.,:()/1 '|", 6.9

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{label}: {message}">
 <title>{label}: {message}</title>
 <clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>
 <g clip-path="url(#r)">
  <rect width="{left}" height="20" fill="#444"/>
  <rect x="{left}" width="{right}" height="20" fill="{colour}"/>
 </g>
 <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
  <text x="{left_middle}" y="14" textLength="{left_text}">{label}</text>
  <text x="{right_middle}" y="14" textLength="{right_text}">{message}</text>
 </g>
</svg>
"""


def _message(report: Mapping[str, Any]) -> str:
    footer, selection = report["footer"], report["header"]["selection"]
    word = footer["verdict"]["word"]
    passed = footer["counts"].get("pass", 0)
    # A part of the contract is not the contract: a badge says which it was.
    part = " (part)" if any(selection[key] for key in ("select", "skip", "runtimes")) else ""
    return f"{word} {passed}/{footer['planned']}{part}"


def badge_json(report: Mapping[str, Any]) -> str:
    """What shields.io's endpoint badge reads (https://shields.io/badges/endpoint-badge)."""
    badge = {
        "schemaVersion": 1,
        "label": _LABEL,
        "message": _message(report),
        "color": _COLOURS[report["footer"]["verdict"]["exit"]].lstrip("#"),
        "isError": report["footer"]["verdict"]["exit"] != 0,
    }
    return json.dumps(badge, indent=1) + "\n"


def badge_svg(report: Mapping[str, Any]) -> str:
    """The same as an image."""
    message = _message(report)
    left_text, right_text = _width(_LABEL), _width(message)
    left, right = left_text + 12, right_text + 12
    return _SVG.format(
        label=_LABEL,
        message=escape(message),
        colour=_COLOURS[report["footer"]["verdict"]["exit"]],
        width=left + right,
        left=left,
        right=right,
        left_text=left_text,
        right_text=right_text,
        left_middle=left / 2,
        right_middle=left + right / 2,
    )


def _width(text: str) -> int:
    return round(sum(10 if c in _WIDE else 4 if c in _NARROW else _USUAL for c in text))
