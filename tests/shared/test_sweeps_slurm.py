"""The same sweep on a real Slurm: one node, this machine, its daemons started for the test and stopped after it."""

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager

import pytest

from repro.provenance import ROOT

PATIENCE_S = 30  # for the daemons to come up
DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")

CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
GresTypes=gpu
ReturnToService=2
MinJobAge=600
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(n):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def daemon(command, log, env):
    """A daemon in the foreground, in a process group of its own, which is ended afterwards."""
    with open(log, "w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env, start_new_session=True)
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, number)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                continue


def wait_for(condition, what, folder):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.2)
    logs = " | ".join(path.read_text()[-300:] for path in folder.glob("*.log"))
    pytest.skip(f"Slurm did not come up: {what} within {PATIENCE_S} s: {logs}")


@pytest.fixture
def cluster(tmp_path_factory):
    """The environment in which sbatch and squeue speak to a cluster of one node."""
    missing = [name for name in DAEMONS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        pytest.skip(f"Slurm is not installed: no {', '.join(missing)} (Debian: slurm-wlm and munge)")
    if os.geteuid() != 0:
        pytest.skip("a Slurm node of one's own needs root")
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)
    for parent in folder.parents[: len(folder.parents) - 2]:
        parent.chmod(parent.stat().st_mode | 0o111)  # munged wants to see the way to its socket
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    host = socket.gethostname().split(".")[0]
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(host=host, user=getpass.getuser(), folder=folder, ports=free_ports(2), cpus=os.cpu_count())
    )
    srun = folder / "bin" / "srun"  # the executor's job step drops SLURM_CONF before it calls srun
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")  # a GPU to be counted, not to be used
    env = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    env |= {"SLURM_CONF": str(conf), "PATH": f"{srun.parent}:{os.environ['PATH']}:/usr/sbin"}
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/seed"]
    with ExitStack() as stack:
        stack.enter_context(daemon(munge, folder / "munged.out.log", env))
        wait_for((folder / "munge.socket").exists, "no munge socket", folder)
        stack.enter_context(daemon(["slurmctld", "-D"], folder / "slurmctld.out.log", env))
        stack.enter_context(daemon(["slurmd", "-D", "-N", host], folder / "slurmd.out.log", env))

        def idle():
            seen = subprocess.run(["sinfo", "-h", "-o", "%T"], env=env, capture_output=True, text=True)
            return seen.stdout.strip() == "idle"

        wait_for(idle, "no idle node", folder)
        yield env


def test_a_sweep_runs_as_jobs_of_slurm_with_its_gpus_and_again_starts_nothing(cluster, tmp_path):
    table = tmp_path / "three.csv"
    gpus = {"a": 0, "b": 0, "c": 1}
    lines = [f"{name},tests.shared.counting,--gpu-seen,{number}\n" for name, number in gpus.items()]
    table.write_text("name,program,options,gpus\n" + "".join(lines))
    runs = tmp_path / "runs"
    command = ["snakemake", "--snakefile", str(ROOT / "sweeps" / "Snakefile")]
    command += [
        "--workflow-profile",
        str(ROOT / "sweeps" / "profiles" / "slurm"),
        "--config",
        f"table={table}",
        f"runs={runs}",
    ]
    command += ["--slurm-no-account", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks"]
    command += ["2", "--latency-wait", "5", "--default-resources", "slurm_partition=main", "mem_mb=100", "runtime=5"]
    command += ["--retries", "0", "--seconds-between-status-checks", "1"]
    where = {"cwd": ROOT, "env": cluster, "capture_output": True, "text": True, "timeout": 240}
    done = subprocess.run(command, **where)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("has been submitted with SLURM jobid") == 3
    for name, number in gpus.items():
        assert (runs / name / "gpu").read_text() == ("0" if number else "none")
        assert json.loads((runs / name / "run.json").read_text())["status"] == "done"
        assert (runs / name / "log").read_text().count("start") == 1
    again = subprocess.run(command, **where)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr
