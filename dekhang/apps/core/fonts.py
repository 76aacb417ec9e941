"""Be Vietnam Pro, cut down to Latin and Vietnamese, written once into the data folder."""

import sys
from pathlib import Path

WEIGHTS = {"Regular": 400, "Medium": 500, "SemiBold": 600, "Bold": 700}
LETTERS = "U+0020-007E,U+00A0-017F,U+01A0-01B0,U+0300-0323,U+1EA0-1EF9,U+2010-2026,U+20AB,U+2190-2193,U+2264-2265"


def path_of(folder: Path, weight: int) -> Path:
    return folder / "fonts" / f"BeVietnamPro-{weight}.woff2"


def are_written(folder: Path) -> bool:
    return all(path_of(folder, weight).exists() for weight in WEIGHTS.values())


def write_fonts(folder: Path) -> None:
    """Write `folder`/fonts/BeVietnamPro-<weight>.woff2 where missing (about 140 KB in all, 2 s once)."""
    import fontpkg_be_vietnam_pro  # here: half a second that only the first start needs
    from fontTools import subset

    source = Path(fontpkg_be_vietnam_pro.__file__).parent / "files"
    (folder / "fonts").mkdir(parents=True, exist_ok=True)
    for name, weight in WEIGHTS.items():
        path = path_of(folder, weight)
        if path.exists():
            continue
        options = subset.Options(flavor="woff2", layout_features=["kern", "liga", "mark", "mkmk", "ccmp", "locl"])
        partial = path.with_suffix(".tmp")
        with subset.load_font(str(source / f"BeVietnamPro-{name}.ttf"), options) as font:
            subsetter = subset.Subsetter(options)
            subsetter.populate(unicodes=subset.parse_unicodes(LETTERS.replace("U+", "")))
            subsetter.subset(font)
            subset.save_font(font, str(partial), options)
        partial.rename(path)


if __name__ == "__main__":
    write_fonts(Path(sys.argv[1]))
