"""Names that a file may contain and that the page must show as text."""

from __future__ import annotations

from tests.support.sample_files import sample_rows

SCRIPT = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
RIGHT_TO_LEFT = "\u202eelttil ereh"
ARABIC = "المغرب"
LONG = "Llanfair" * 30
NAMES = (SCRIPT, RIGHT_TO_LEFT, ARABIC, LONG)
FILE = "<b>bold</b>&amp;.parquet"
ROWS = sample_rows(*[(name, "2018-01-01", None, "3", 2640.0) for name in NAMES])
