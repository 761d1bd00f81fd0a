"""The command line of the data room."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro.data.cli import data
from repro.data.errors import DataUnavailable
from repro.errors import Mistake
from tests.data.conftest import Source, left_in, put

TEST_LABELS = "mnist/t10k-labels-idx1-ubyte.gz"


def run(*words: str) -> Result:
    return CliRunner().invoke(data, words)


def _line(output: str, name: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(name + " "))


def test_list_shows_licence_citation_and_where_each_is(
    mnist: dict[str, bytes], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = _line(run("list").output, "mnist")
    assert line.split()[-2:] == ["not", "here"]
    assert "free" in line
    assert "nobody2000" in line
    put(mnist, cache)
    assert _line(run("list").output, "mnist").endswith("cache")
    put(mnist, tmp_path / "folder")
    monkeypatch.setenv("REPRO_DATA_DIR", str(tmp_path / "folder"))
    assert _line(run("list").output, "mnist").endswith("REPRO_DATA_DIR")
    assert _line(run("list", "--path", str(tmp_path / "folder")).output, "mnist").endswith("path given")


def test_fetch_brings_a_data_set_to_the_cache(mnist: dict[str, bytes], cache: Path) -> None:
    result = run("fetch", "mnist")
    assert result.exit_code == 0
    assert f"mnist is in {cache}, checked" in result.output
    assert left_in(cache) == sorted(mnist)


def test_fetch_without_network_ends_in_one_line(mnist: dict[str, bytes], source: Source) -> None:
    source.status = 404
    result = run("fetch", "mnist")
    assert result.exit_code == 1
    assert isinstance(result.exception, DataUnavailable)  # which `python -m repro` prints as one line
    assert "HTTP status 404" in str(result.exception)


def test_fetch_of_embedded_data_says_that_there_is_nothing_to_do() -> None:
    assert run("fetch", "digits").output == "digits comes with the package sklearn: nothing to fetch\n"


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_name_is_said(command: str) -> None:
    result = run(command, "minst")
    assert isinstance(result.exception, Mistake)
    assert "'minst'; there are digits, mnist, cifar10" in str(result.exception)


def test_verify_passes_what_is_whole(mnist: dict[str, bytes], cache: Path) -> None:
    put(mnist, cache)
    result = run("verify")
    assert (result.exit_code, result.output) == (0, "4 files checked, 0 bad\n")


def test_verify_names_each_bad_file_wherever_it_lies_and_fails(
    mnist: dict[str, bytes], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(mnist | {TEST_LABELS: b"short"}, cache)
    folder = put(mnist, tmp_path / "folder")
    content = mnist[TEST_LABELS]
    (folder / TEST_LABELS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setenv("REPRO_DATA_DIR", str(folder))
    result = run("verify", "mnist")
    assert result.exit_code == 1
    bad = [line for line in result.output.splitlines() if line.startswith("bad: mnist")]
    assert [str(folder / TEST_LABELS) in bad[0], str(cache / TEST_LABELS) in bad[1], len(bad)] == [True, True, 2]
    assert "8 files checked, 2 bad" in result.output


def test_verify_of_a_data_set_that_is_not_here_fails(mnist: dict[str, bytes]) -> None:
    result = run("verify", "mnist")
    assert isinstance(result.exception, Mistake)
    assert "mnist is not here" in str(result.exception)
