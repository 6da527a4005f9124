"""What the images are built from is enough to build them: tools/containers builds and runs them, but takes too long for CI."""

import re
import shutil
import subprocess

from support.root import ROOT


def test_what_the_dockerfile_copies_is_all_that_the_marketplace_needs(tmp_path):
    stage = (ROOT / "deploy" / "docker" / "Dockerfile").read_text().partition(" AS build\n")[2].partition("\nFROM ")[0]
    commands = [line.strip() for line in stage.replace("\\\n", " ").splitlines()]
    copied = [line.split()[1:-1] for line in commands if line.startswith("COPY ")]
    assert len(copied) > 5
    for path in (path for paths in copied for path in paths):
        source, target = ROOT / path, tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (configure,) = re.findall(r"^RUN (cmake --preset [^&]+)", stage.replace("\\\n", " "), re.M)
    for command in (configure.split(), ["cmake", "--build", "build/release", "--target", "marketplace", "--", "-n"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (done.stdout + done.stderr)[-2_000:]
