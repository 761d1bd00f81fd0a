"""Costs are those that runs have on record, and the page says which were never measured."""

from repro.build import costs


def run(chapter, scale, seconds, **more):
    machine = {"cpu": "a processor", "cores": 2, "system": "Linux"}
    where = {
        "wall_s": seconds,
        "machine": machine,
        "device": "cpu",
        "commit": "abc",
        "date": "2026-01-01T00:00:00+00:00",
    }
    return {"chapter": chapter, "scale": scale, "provenance": where | more}


def test_accepting_replaces_a_run_and_leaves_others(tmp_path):
    kept = tmp_path / "costs.csv"
    costs.accept([run("a", "smoke", 10.0, peak_mb=300), run("a", "book", 100.0, peak_mb=500)], kept)
    costs.accept([run("a", "smoke", 12.0, peak_mb=310), run("b", "smoke", 7.0)], kept)
    found = costs.read_table(kept)
    assert list(zip(found.chapter, found.scale, found.seconds, found.peak_mb, strict=True)) == [
        ("a", "book", 100.0, 500),
        ("a", "smoke", 12.0, 310),
    ]


def test_the_page_shows_what_was_measured_and_what_was_not(tmp_path):
    kept = tmp_path / "costs.csv"
    costs.accept([run("a", "smoke", 12.4, peak_mb=310)], kept)
    page = costs.page(["a"], kept)
    assert "| `a` | 12 s, 310 MB | – | – |" in page
    assert "a processor, 2 cores, device cpu" in page
    assert "Measured on" not in costs.page(["a"], tmp_path / "none.csv")


def test_the_page_has_a_column_for_each_scale_in_order(tmp_path):
    kept = tmp_path / "costs.csv"
    costs.accept(
        [run("a", scale, s, peak_mb=9) for scale, s in (("full", 300.0), ("smoke", 1.0), ("book", 20.0))], kept
    )
    page = costs.page(["a"], kept)
    assert "| chapter | smoke | book | full |" in page
    assert "| `a` | 1 s, 9 MB | 20 s, 9 MB | 300 s, 9 MB |" in page
