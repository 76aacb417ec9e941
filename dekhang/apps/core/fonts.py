"""Typefaces cut down to Latin and Vietnamese, written once into the data folder: Be Vietnam Pro for pages, Noto Serif for PDF."""

import os
import sys
from functools import cache
from io import BytesIO
from pathlib import Path

WEIGHTS = {"Regular": 400, "Medium": 500, "SemiBold": 600, "Bold": 700}
SERIF = {"Roman": "NotoSerif[wdth,wght].ttf", "Italic": "NotoSerif-Italic[wdth,wght].ttf"}
LETTERS = "U+0020-007E,U+00A0-017F,U+01A0-01B0,U+0300-0323,U+1EA0-1EF9,U+2010-2026,U+20AB,U+2190-2193,U+2264-2265"


def path_of(folder: Path, weight: int) -> Path:
    return folder / "fonts" / f"BeVietnamPro-{weight}.woff2"


@cache
def letters() -> frozenset[str]:
    """Every character that our typefaces have."""
    ranges = [part.removeprefix("U+").split("-") for part in LETTERS.split(",")]
    return frozenset(chr(code) for ends in ranges for code in range(int(ends[0], 16), int(ends[-1], 16) + 1))


def are_written(folder: Path) -> bool:
    pages = all(path_of(folder, weight).exists() for weight in WEIGHTS.values())
    return pages and (folder / "documents").is_dir()


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


def document_fonts(folder: Path) -> Path:
    """`folder`/documents with Noto Serif in four static faces, made where missing (250 KB in all, 1.5 s once).

    The package has one variable font, of which typst takes the regular weight only. Files carry no time of their own:
    the same packages make the same bytes.
    """
    target = folder / "documents"
    wanted = [target / f"NotoSerif-{style}{weight}.ttf" for style in SERIF for weight in (400, 700)]
    if all(path.exists() for path in wanted):
        return target
    import fontpkg_noto_serif
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    target.mkdir(parents=True, exist_ok=True)
    for style, name in SERIF.items():
        options = subset.Options(
            layout_features=["kern", "liga", "mark", "mkmk", "ccmp", "locl"], recalc_timestamp=False, name_IDs=["*"]
        )
        with subset.load_font(str(Path(fontpkg_noto_serif.__file__).parent / "files" / name), options) as font:
            subsetter = subset.Subsetter(options)
            subsetter.populate(unicodes=subset.parse_unicodes(LETTERS.replace("U+", "")))
            subsetter.subset(font)
            whole = BytesIO()
            font.save(whole)
        for weight in (400, 700):
            whole.seek(0)
            variable = TTFont(whole, recalcTimestamp=False)
            static = instancer.instantiateVariableFont(
                variable, {"wght": weight, "wdth": 100}, inplace=True, updateFontNames=True
            )
            path = target / f"NotoSerif-{style}{weight}.ttf"
            partial = path.with_suffix(f".{os.getpid()}.tmp")
            static.save(partial)
            partial.rename(path)
    return target


if __name__ == "__main__":
    write_fonts(Path(sys.argv[1]))
    document_fonts(Path(sys.argv[1]))
