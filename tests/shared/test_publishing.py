"""What the public's machines are told to do: it parses, and names commands, files and versions that there are."""

import json
import os
import re
import shlex
import subprocess
import tomllib
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
import yaml

from repro.build.costs import COSTS
from repro.build.layout import Layout, choose
from repro.data import registry
from repro.data.places import find
from repro.provenance import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LIMITS = {"seconds": 8 * 3600, "memory_mb": 7500, "data_bytes": 5e9}
"""What NeuroLibre grants a submission: 8 hours on 2 cores, 7.5 GB of memory, 5 GB of data (its FAQ, read in 2026)."""


def jobs(path):
    return yaml.safe_load(path.read_text())["jobs"]


def check_command(line):
    """A command of ours names a target, a notebook and a chapter that there are; commands of others are theirs."""
    words = shlex.split(line)
    if words[:1] == ["make"]:
        for word in words[1:]:
            name, equals, value = word.partition("=")
            target = rf"^{re.escape(name)} \?=" if equals else rf"^{re.escape(name)}:"
            assert re.search(target, MAKEFILE.replace("$(READY)", ".venv/ready"), re.MULTILINE), word
            if name == "CHAPTERS":
                choose(value)
    for word in words:
        if word.endswith(".py"):
            assert (ROOT / word).is_file(), word
        if word.startswith(".ci/"):
            assert os.access(ROOT / word, os.X_OK), word


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_commands_and_files_that_exist(path):
    for name, job in jobs(path).items():
        assert "timeout-minutes" in job or name in ("deploy", "report"), name
        for step in job["steps"]:
            given = step.get("with", {})
            for line in [*step.get("run", "").splitlines(), given.get("runCmd", "")]:
                if line.strip().startswith(("make", ".ci/", "jupyter-repo2docker")):
                    check_command(line)
            if "cache-dependency-path" in given:
                assert (ROOT / given["cache-dependency-path"]).is_file()
            if "upload-pages-artifact" in step.get("uses", ""):
                assert given["path"] == str(Layout("book").site)


def test_a_command_that_is_not_there_is_noticed():
    with pytest.raises(AssertionError, match="bok"):
        check_command("make bok")
    with pytest.raises(AssertionError, match="nowhere"):
        check_command("papermill notebooks/nowhere.py out.ipynb")


def test_whatever_fails_in_the_weekly_run_is_reported():
    found = jobs(ROOT / ".github" / "workflows" / "weekly.yml")
    assert set(found["report"]["needs"]) == set(found) - {"report"}
    # a job that runs out of its time counts as cancelled, not as failed
    for result in ("failure", "cancelled"):
        assert f"contains(needs.*.result, '{result}')" in found["report"]["if"]
    assert found["report"]["if"].startswith("always() && (")
    assert found["report"]["permissions"] == {"issues": "write"}
    (step,) = found["report"]["steps"]
    assert all(f"needs.{name}.result" in step["env"]["BODY"] for name in found if name != "report")


def test_the_issue_is_opened_once_and_then_commented_on(tmp_path):
    (step,) = jobs(ROOT / ".github" / "workflows" / "weekly.yml")["report"]["steps"]
    gh = tmp_path / "gh"
    for listed, expected in (("", "issue create --title T --body B"), ("7", "issue comment 7 --body B")):
        gh.write_text(f'#!/bin/sh\nif [ "$2" = list ]; then echo "{listed}"; else echo "$@"; fi\n')
        gh.chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TITLE": "T", "BODY": "B"}
        done = subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == expected, done.stderr


def test_every_door_has_the_same_python():
    versions = {
        step["with"]["python-version"]
        for path in WORKFLOWS
        for job in jobs(path).values()
        for step in job["steps"]
        if "python-version" in step.get("with", {})
    }
    versions.add((ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-"))
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    versions.add(container["image"].rsplit(":", 1)[1])
    assert versions == {"3.11"}
    assert PROJECT["requires-python"].startswith(">=3.11,")
    check_command(container["postCreateCommand"])


def test_binder_takes_the_pins_of_the_book():
    folder = ROOT / "binder"
    (named,) = re.findall(r"^-r (.*)$", (folder / "requirements.txt").read_text(), re.MULTILINE)
    assert (folder / named).resolve() == ROOT / "requirements.lock"
    for script in ("postBuild", "start"):
        assert os.access(folder / script, os.X_OK)
        subprocess.run(["bash", "-n", folder / script], check=True)


@pytest.mark.parametrize("there", [True, False])
def test_binder_starts_with_the_fetched_data_where_there_are_any(tmp_path, there):
    folder = tmp_path / "data" / "synaptic-book"
    if there:
        folder.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name != "REPRO_DATA_DIR"}
    command = [ROOT / "binder" / "start", "sh", "-c", 'echo "${REPRO_DATA_DIR-none}"']
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (str(folder) if there else "none")


def fetched(tmp_path, monkeypatch):
    """Run the file's script as repo2data does; gives the addresses that it asks for."""
    required = json.loads((ROOT / "binder" / "data_requirement.json").read_text())
    asked = []

    def retrieve(url, path):
        asked.append(url)
        Path(path).touch()

    monkeypatch.setattr(urllib.request, "urlretrieve", retrieve)
    exec(required["src"].replace("_dst", f'"{tmp_path}"'), {})
    return asked


def test_the_data_that_neurolibre_fetches_are_found_by_the_book(tmp_path, monkeypatch):
    files = registry()["mnist"].variants[0].files
    assert set(fetched(tmp_path, monkeypatch)) == {file.url for file in files}
    assert find(registry()["mnist"], tmp_path) is not None
    assert sum(file.bytes for file in files) < LIMITS["data_bytes"]


def test_the_file_of_data_is_what_repo2data_expects(tmp_path, monkeypatch):
    required = json.loads((ROOT / "binder" / "data_requirement.json").read_text())
    assert set(required) == {"src", "dst", "projectName"}
    # its rules look at the first line alone: an address there is fetched whole, and the name is looked up as one
    first = required["src"].splitlines()[0]
    assert re.match("import.*?;", first)
    assert not re.search(r"https?://|s3://|\.git$|10\.\d{4}/zenodo", first)
    # what lies beside its record is unpacked and deleted, so the files lie one folder below, as in the registry
    fetched(tmp_path, monkeypatch)
    assert [path.name for path in tmp_path.iterdir()] == ["mnist"]


def test_the_book_stays_within_what_neurolibre_grants():
    costs = pd.read_csv(COSTS)
    book = costs[costs.scale == ("book" if (costs.scale == "book").any() else "smoke")]
    assert book.seconds.sum() < LIMITS["seconds"]
    assert book.peak_mb.nlargest(2).sum() < LIMITS["memory_mb"]  # two side by side on two cores


def test_a_deposit_says_what_the_citation_says():
    deposit = json.loads((ROOT / ".zenodo.json").read_text())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert deposit["title"] == citation["title"]
    assert deposit["version"] == citation["version"] == PROJECT["version"]
    assert deposit["license"] == citation["license"] == PROJECT["license"]
    assert [each["name"] for each in deposit["creators"]] == [each["name"] for each in citation["authors"]]
    assert deposit["keywords"] == citation["keywords"]


KNOWN_FIELDS = {
    "devcontainer.json": {"name", "image", "containerEnv", "postCreateCommand", "hostRequirements", "customizations"},
    ".zenodo.json": {"title", "description", "upload_type", "access_right", "license", "version", "language"}
    | {"creators", "keywords", "notes", "contributors", "related_identifiers", "communities", "grants"},
    "CITATION.cff": {"cff-version", "message", "type", "title", "authors", "version", "license", "keywords"}
    | {"doi", "url", "repository-code", "date-released", "abstract"},
}
"""Fields of the published schemas that may stand there; a misspelt one would be passed over or refuse the deposit."""


@pytest.mark.parametrize("name", [".devcontainer/devcontainer.json", ".zenodo.json", "CITATION.cff"])
def test_a_file_for_a_service_has_fields_that_its_schema_knows(name):
    content = yaml.safe_load((ROOT / name).read_text())  # JSON is YAML too
    assert set(content) <= KNOWN_FIELDS[Path(name).name]


def test_the_values_are_of_the_schemas():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert isinstance(container["hostRequirements"]["cpus"], int)
    assert re.fullmatch(r"\d+([tgmk]b)?", container["hostRequirements"]["memory"])
    deposit = json.loads((ROOT / ".zenodo.json").read_text())
    assert (deposit["upload_type"], deposit["access_right"]) == ("software", "open")
    assert re.fullmatch("[a-z]{2,3}", deposit["language"])
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["cff-version"] == "1.2.0"
