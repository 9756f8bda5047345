"""What foreign HTML and Markdown may say on a page: text, tables, drawings and pictures that carry their own pixels.

Scripts, forms, frames, styles sheets, names and anything fetched from elsewhere are dropped. The page's Content
Security Policy is the second barrier, should something pass this one.
"""

import re
from functools import cache
from typing import Any

from workbench.core.optional import need

_TEXT = (
    "a abbr address b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure "
    "h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strike strong sub summary sup "
    "table tbody td tfoot th thead time tr tt u ul var"
)
_DRAWING = "svg g path rect circle ellipse line polyline polygon text tspan"
_ANYWHERE = frozenset(("align", "aria-label", "class", "dir", "lang", "role", "style", "title"))
_SHAPES = (
    "cx cy d dominant-baseline dx dy fill fill-opacity fill-rule font-family font-size font-weight height opacity "
    "points preserveAspectRatio r rx ry stroke stroke-dasharray stroke-linecap stroke-linejoin stroke-opacity "
    "stroke-width text-anchor transform viewBox width x x1 x2 xmlns y y1 y2"
)
_OWN = {
    "a": frozenset(("href",)),
    "img": frozenset(("alt", "height", "src", "width")),
    "td": frozenset(("colspan", "rowspan", "valign")),
    "th": frozenset(("colspan", "rowspan", "scope", "valign")),
    "ol": frozenset(("start",)),
    "details": frozenset(("open",)),
}
_STYLES = (
    "background-color border border-bottom border-collapse border-color border-left border-radius border-right "
    "border-style border-top border-width color display fill font-family font-size font-style font-weight height "
    "image-rendering letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right "
    "margin-top max-height max-width min-width opacity overflow overflow-x overflow-y padding padding-bottom "
    "padding-left padding-right padding-top stroke stroke-width text-align text-decoration text-transform "
    "vertical-align white-space width"
)
_PIXELS = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_UNREAD = re.compile(r"<(script|style|template|textarea|title)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_ELSEWHERE = re.compile(r"<img\b[^>]*?\bsrc\s*=\s*[\"']?(?!data:)([^\"'\s>]+)", re.IGNORECASE)


def clean(html: str) -> str:
    """HTML without anything that runs, fetches or can be mistaken for a part of the page itself.

    Args:
        html: Whatever a notebook carries.
    """
    # What stands within these elements was never meant to be read; the cleaner would keep it as text.
    return _cleaner().clean(_UNREAD.sub("", html))


def pictures_elsewhere(html: str) -> list[str]:
    """Addresses of the pictures that HTML would fetch, for the list of what is left out."""
    return _ELSEWHERE.findall(_UNREAD.sub("", html))


def markdown(text: str) -> str:
    """Markdown as clean HTML; formulas stay as their LaTeX."""
    return clean(marked(text))


def marked(text: str) -> str:
    """Markdown as HTML that is not clean yet."""
    return str(_marker()(text))


@cache
def _marker() -> Any:
    mistune: Any = need("mistune", extra="lab", purpose="to turn Markdown into a page")
    # What comes out is cleaned; mistune's own filter would take attached pictures for harmful.
    renderer = mistune.HTMLRenderer(escape=False, allow_harmful_protocols=True)
    return mistune.create_markdown(
        renderer=renderer, plugins=["table", "strikethrough", "task_lists", "math", "footnotes"]
    )


@cache
def _cleaner() -> Any:
    bleach: Any = need("bleach.sanitizer", extra="lab", purpose="to clean the HTML of a notebook")
    styles: Any = need("bleach.css_sanitizer", extra="lab", purpose="to clean the HTML of a notebook")
    return bleach.Cleaner(
        tags=frozenset(f"{_TEXT} {_DRAWING}".split()),
        attributes=_allowed,
        protocols=frozenset(("http", "https", "mailto", "data")),
        strip=True,
        strip_comments=True,
        css_sanitizer=styles.CSSSanitizer(
            allowed_css_properties=frozenset(_STYLES.split()), allowed_svg_properties=frozenset()
        ),
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and _PIXELS.fullmatch(value) is not None
    if name == "href":
        return tag == "a" and not value.strip().lower().startswith("data:")
    if tag in _DRAWING.split() and name in _SHAPES.split():
        return True
    return name in _ANYWHERE or name in _OWN.get(tag, ())
