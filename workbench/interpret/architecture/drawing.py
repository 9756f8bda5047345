"""Drawing: a plan as an SVG that any program opens: no script, no style sheet, no foreign object, all text escaped."""

import re
from html import escape

from workbench.interpret.architecture.layout import SYMBOLS, TIMES, Plan, labels
from workbench.interpret.architecture.placing import FLAT, Placed, placed

_INK, _DIM, _LINE, _PAPER, _SHADE = "#1f2328", "#5f6773", "#c9ced6", "#ffffff", "#f5f6f8"
_ATTENTION, _ATTENDS, _RESIDUAL, _WAY = "#3b5bdb", "#e8ecfd", "#c25e00", "#8a929e"
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
_MARGIN = 16
_NEVER = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""what no XML may hold"""


def svg(plan: Plan, levels: int | None, title: str) -> str:
    """The drawing with so many levels open; None for as many as fit on a page."""
    whole = placed(plan, levels)
    wide, tall = whole.width + 2 * _MARGIN, whole.height + 2 * _MARGIN
    size = f'width="{wide:g}" height="{tall:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {wide:g} {tall:g}" role="img"'
    out = [
        f'{head} font-family="{escape(_FONT)}" font-size="12">',
        f"<title>{_clean(title)}</title>",
        f'<rect {size} rx="8" fill="{_PAPER}"/>',
    ]
    _draw(out, whole, _MARGIN, _MARGIN)
    return "".join([*out, "</svg>"])


def _draw(out: list[str], here: Placed, x: float, y: float) -> None:
    if here.depth >= 0:
        _frame(out, here, x, y)
    if here.lines:
        out.append(f'<g transform="translate({x:g} {y:g})" fill="none">')
        for line in here.lines:
            colour, wide = (_RESIDUAL, 1.8) if line.residual else (_WAY, 1.2)
            tip = "" if line.tip is None else _tip(*line.tip)
            out.append(f'<path d="{line.path}{tip}" stroke="{colour}" stroke-width="{wide}"/>')
        out.append("</g>")
    for one in here.inner:
        _draw(out, one, x + one.x, y + one.y)
    for tx, ty, text, side in here.texts:
        _text(out, x + tx + 6 * side, y + ty, text, size=10, colour=_DIM, anchor="end" if side < 0 else "start")


def _frame(out: list[str], here: Placed, x: float, y: float) -> None:
    box, wide, tall = here.box, here.width, here.height
    line = _ATTENTION if box.attention else _LINE
    title, under = labels(box, here.part.name)
    out.append(f"<g><title>{_clean(_hover(here))}</title>")
    if here.is_open:
        fill = _SHADE if here.depth % 2 else _PAPER
        _rect(out, x, y, wide, tall, 9, fill, line)
        name = f'<tspan dx="8" font-size="11" font-weight="400" fill="{_DIM}">{_clean(here.part.name)}</tspan>'
        heading = f'<text x="{x + 12:g}" y="{y + 18:g}" font-weight="600" fill="{_INK}">{_clean(title)}'
        out.append(f"{heading}{name if here.part.name else ''}</text>")
    elif box.kind == "operation":
        round_ = title in SYMBOLS.values()
        fill = _ATTENTION if box.attention else _PAPER
        edge = _RESIDUAL if box.residuals and not box.attention else _ATTENTION if box.attention else _DIM
        _rect(out, x, y, wide, tall, FLAT / 2, fill, edge)
        ink = _PAPER if box.attention else edge if round_ else _INK
        _text(
            out, x + wide / 2, y + (17 if round_ else 16), title, size=15 if round_ else 11, colour=ink, anchor="middle"
        )
    else:
        ends = box.kind in ("input", "output")
        fill = _ATTENDS if box.attention else _SHADE if ends else _PAPER
        if box.kind == "group":
            _rect(out, x + 4, y + 4, wide, tall, 7, _PAPER, _LINE)
        _rect(out, x, y, wide, tall, tall / 2 if ends else 7, fill, line)
        _text(out, x + wide / 2, y + 17, title, bold=True, anchor="middle")
        _text(out, x + wide / 2, y + 32, under, size=10.5, colour=_DIM, anchor="middle")
    if not here.is_open:
        _marks(out, here, x + wide, y)
    if box.kind == "group":
        _text(out, x + wide - 12, y + 18, f"{TIMES} {len(box.parts)}", bold=True, colour=_ATTENTION, anchor="end")
    out.append("</g>")


def _marks(out: list[str], here: Placed, right: float, y: float) -> None:
    """Attention and residual additions inside a closed box as dots on its border."""
    if here.box.kind in ("operation", "input", "output"):
        return
    for count, colour in ((here.box.attentions, _ATTENTION), (here.box.residuals, _RESIDUAL)):
        if count:
            right -= 13
            out.append(f'<circle cx="{right:g}" cy="{y:g}" r="4" fill="{colour}" stroke="{_PAPER}"/>')


def _hover(here: Placed) -> str:
    box = here.box
    words = [" ".join(word for word in (box.type, here.part.name) if word), box.output]
    words.append(f"{box.parameters:,} parameters" if box.parameters else "")
    return "\n".join(word for word in words if word)


def _rect(out: list[str], x: float, y: float, wide: float, tall: float, r: float, fill: str, line: str) -> None:
    out.append(
        f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{tall:g}" rx="{r:g}" fill="{fill}" stroke="{line}"/>'
    )


def _text(
    out: list[str],
    x: float,
    y: float,
    text: str,
    *,
    size: float = 12,
    colour: str = _INK,
    anchor: str = "start",
    bold: bool = False,
) -> None:
    look = f'font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"' + (' font-weight="600"' if bold else "")
    if text:
        out.append(f'<text x="{x:g}" y="{y:g}" {look}>{_clean(text)}</text>')


def _tip(x: float, y: float, dx: int, dy: int) -> str:
    bx, by = x - 5 * dx, y - 5 * dy
    return f"M{bx - 3.5 * dy:g} {by - 3.5 * dx:g}L{x:g} {y:g}L{bx + 3.5 * dy:g} {by + 3.5 * dx:g}"


def _clean(text: str) -> str:
    return escape(_NEVER.sub("\N{REPLACEMENT CHARACTER}", text))
