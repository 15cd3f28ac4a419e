"""Tables as people save them."""

from __future__ import annotations

import pytest

from digits.command import UserError
from digits.tables import read_csv


def test_a_csv_is_read_by_its_columns_or_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("\ufefffile,label\na.png,7\n", encoding="utf-8")
    assert read_csv(path, "file", "label") == [{"file": "a.png", "label": "7"}]
    with pytest.raises(UserError, match="needs the columns path and label"):
        read_csv(path, "path", "label")
    path.write_bytes(b"file;label\n\xfc.png;7\n")
    assert read_csv(path, "file", "label") == [{"file": "ü.png", "label": "7"}], "as a German Excel saves it"
    path.write_bytes(b"file,label\n\x81.png,7\n")
    with pytest.raises(UserError, match="UTF-8"):
        read_csv(path, "file", "label")
    with pytest.raises(UserError, match="cannot be read"):
        read_csv(tmp_path / "none.csv", "file")
