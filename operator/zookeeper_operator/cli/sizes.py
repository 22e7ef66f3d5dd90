"""Sizes as people say them."""


def human_size(size: int) -> str:
    """Return a size in the unit that fits: `12 B`, `1.5 KiB`."""
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:  # noqa: PLR2004 -- binary units
            break
        value, unit = value / 1024, larger
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
