import io
import os

from fontTools.ttLib import TTFont

from dekhang.apps.core.fonts import WEIGHTS, write_fonts


def test_the_typeface_is_cut_to_vietnamese_and_written_once(tmp_path):
    write_fonts(tmp_path)
    paths = sorted((tmp_path / "fonts").iterdir())
    assert [path.name for path in paths] == [f"BeVietnamPro-{weight}.woff2" for weight in sorted(WEIGHTS.values())]
    assert sum(path.stat().st_size for path in paths) < 200_000

    letters = TTFont(io.BytesIO(paths[0].read_bytes())).getBestCmap()
    missing = [letter for letter in "ăâđêôơưĂÂĐÊÔƠƯáàảãạệữựỹ0123456789–—…₫" if ord(letter) not in letters]
    assert missing == []

    for path in paths:
        os.utime(path, (1, 1))
    write_fonts(tmp_path)
    assert {path.stat().st_mtime for path in paths} == {1}
