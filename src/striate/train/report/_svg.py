"""Elements of SVG and HTML with everything escaped, and numbers as people write them."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is markup already; templates and `element` put it in as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """Write one element; plain text among the children is escaped.

    `class_` stands for class, other underscores for hyphens; an attribute of None is left out.

    Example:
        >>> element("text", "a < b", x=1.50, text_anchor="end", class_=None)
        '<text x="1.5" text-anchor="end">a &lt; b</text>'
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(c if isinstance(c, Markup) else escape(c) for c in children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>")


def join(parts: list[Markup]) -> Markup:
    """Put elements one after the other."""
    return Markup("".join(parts))


def drawing(
    width: float, height: float, alt: str, *children: Markup, class_: str | None = None
) -> Markup:
    """Write an SVG picture of this size in pixels; the style sheet may let it shrink or grow."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=alt,
        class_=class_,
    )


def points(pairs: list[tuple[float, float]]) -> str:
    """Write positions for a polyline."""
    return " ".join(f"{_value(x)},{_value(y)}" for x, y in pairs)


def _value(value: object) -> str:
    # A hundredth of a pixel is enough.
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
