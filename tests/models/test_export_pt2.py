"""`models.export(..., "pt2")`: torch alone loads and runs the file."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import pytest
import torch
from exported_networks import KINDS, built

from effsearch.models import Origin, export

ALONE = """
import json, sys
for name in ("effsearch", "timm", "torchvision"):
    sys.modules[name] = None
import torch
extra = {"effsearch.json": ""}
module = torch.export.load(sys.argv[1], extra_files=extra).module()
found = [json.loads(extra["effsearch.json"])]
for batch in (1, 4):
    images = torch.linspace(-1, 1, batch * 2 * 33 * 33).reshape(batch, 2, 33, 33)
    with torch.no_grad():
        found.append(module(images).tolist())
print(json.dumps(found))
"""


@pytest.mark.slow  # torch's exporter, and torch imported again
def test_it_runs_where_effsearch_is_not(tmp_path):
    network = built(KINDS["pool-skip"])
    path = tmp_path / "net.pt2"
    written = export(network, path, "pt2", origin=Origin("of a run", mean=(0.5, 0.25)))
    assert list(tmp_path.iterdir()) == [path]
    assert [one.largest for one in written.differences] == pytest.approx([0, 0], abs=1e-5)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", ALONE, str(path)], capture_output=True, text=True, check=True
    )
    said, *outputs = json.loads(done.stdout)
    assert said["effsearch.architecture_key"] == network.architecture.key
    assert json.loads(said["effsearch.mean"]) == [0.5, 0.25]
    for batch, found in zip((1, 4), outputs, strict=True):
        images = torch.linspace(-1, 1, batch * 2 * 33 * 33).reshape(batch, 2, 33, 33)
        with torch.no_grad():
            expected = network.eval()(images)
        assert torch.allclose(torch.tensor(found), expected, rtol=1e-5, atol=1e-6)
    with zipfile.ZipFile(path) as archive:
        texts = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".json"))
        assert not any(".tmp-" in name for name in archive.namelist())
    assert b"layers.py" not in texts
    assert b"site-packages" not in texts
