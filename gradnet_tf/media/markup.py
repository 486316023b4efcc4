"""Small HTML for notebooks: tables and pictures, without scripts, with every text escaped."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Optional

from PIL import Image

_QUALITY = 80  # Of the JPEG files in pictures.


def table(
    caption: str, rows: Iterable[Sequence[str]], heads: Optional[Sequence[str]] = None
) -> str:
    """Makes a table of texts; the first one of every row is its head, `heads` are the columns'."""
    lines = [f"<caption>{html.escape(caption)}</caption>"]
    if heads:
        lines.append(f"<tr>{''.join(_cell('th', text) for text in heads)}</tr>")
    for first, *others in rows:
        cells = "".join(_cell("td", text) for text in others)
        lines.append(f"<tr>{_cell('th', first)}{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def picture(image: Image.Image, description: str) -> str:
    """Makes an `img` that holds an RGB image itself, as a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{html.escape(description)}" src="data:image/jpeg;base64,{content}">'


def _cell(tag: str, text: str) -> str:
    return f'<{tag} style="text-align: left">{html.escape(text)}</{tag}>'
