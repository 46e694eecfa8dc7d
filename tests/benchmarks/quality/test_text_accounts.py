"""The slice of ``benchmarks.quality.text_accounts``: what it says of a made folder and of misspellings."""

from benchmarks.quality.text_accounts import account_of, one_letter_off, slips_missed


def test_a_folder_is_read_and_its_files_are_told_apart(tmp_path):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "a.md").write_text("---\ntitle: A\n---\nplain\n")
    (tmp_path / "b.md").write_text("---\nAllow: [ann]\n---\n")
    (tmp_path / "c.md").write_bytes(b"\xff")
    (tmp_path / "d.zz").write_text("x")
    account = account_of(tmp_path)
    assert (account.documents, account.raw, account.kept, account.left_out) == (1, 11, 5, {"front matter": 6})
    assert sum(account.rejects.values()) == 2
    assert account.slips[0].startswith("b.md: Allow: a list looks like a permission")
    assert (account.skipped_endings, account.skipped_rules) == (
        {".zz": 1},
        {"node_modules": {"files": 0, "folders": 1}},
    )


def test_only_words_of_another_meaning_pass_for_ordinary():
    assert {"alow", "allwo", "aallow", "allo", "xllow"} <= set(one_letter_off("allow"))
    told = slips_missed()
    assert told["slips"] > 600
    assert {"alloy", "hallow"} <= set(told["passed"])
    assert len(told["passed"]) < 30
