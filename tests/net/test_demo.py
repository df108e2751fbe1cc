# SPDX-License-Identifier: BSD-2-Clause
"""The demonstration is a promise of the README, so it is a test as well."""
import os
import pathlib
import subprocess
import sys

DEMO = pathlib.Path(__file__).with_name("demo.py")


def test_demo_shows_what_it_says():
    result = subprocess.run([sys.executable, DEMO], text=True, timeout=60,
                            capture_output=True, env=os.environ)
    assert result.returncode == 0, result.stdout + result.stderr


def test_demo_fails_when_a_step_shows_something_else(tmp_path):
    """The control: with the proxy's name changed, the demo must say no."""
    broken = tmp_path / "demo.py"
    broken.write_text(DEMO.read_text().replace('shows="welcome"',
                                               'shows="farewell"'))
    result = subprocess.run([sys.executable, broken], text=True, timeout=60,
                            capture_output=True,
                            env=dict(os.environ, PYTHONPATH=str(DEMO.parent)))
    assert result.returncode == 1
    assert "farewell" in result.stderr
