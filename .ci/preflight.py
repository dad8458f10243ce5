#!/usr/bin/env python3
"""Says what this machine lacks before anything is installed, and the one line that brings it.

Runs on the system's own Python with nothing but its standard library, and keeps to a syntax that
old Pythons read, so that even they get an answer. Exit codes: 0 all there, 1 something missing.

    python3 .ci/preflight.py run      what `make run` needs
    python3 .ci/preflight.py test     that, and what the tests drive (a browser, the sandbox)
"""

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

OLDEST = (3, 11)
BEFORE = (3, 14)
INSTALL_BYTES = 3 * 1024**3
ROOT = Path(__file__).resolve().parent.parent


class Missing:
    """One thing that is not there: in words, and the Debian package that brings it (or None)."""

    def __init__(self, what, package=None):
        self.what = what
        self.package = package


def python_version():
    """The Python that runs this is one that Likeness supports."""
    if OLDEST <= sys.version_info[:2] < BEFORE:
        return []
    found = [name for name in ("python3.13", "python3.12", "python3.11") if _answers(name)]
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    text = f"Python 3.11, 3.12 or 3.13 ({sys.executable} is Python {here})"
    if found:
        return [Missing(f"{text}; this machine has {found[0]}: add PYTHON={found[0]}")]
    return [Missing(text, "python3")]


def virtual_environments():
    """The modules that make a virtual environment with pip in it."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return [Missing("Python's venv and ensurepip modules", _python_package("venv"))]
    return []


def compiler():
    """A C++ compiler and Python's headers: pdqhash has no ready-made package for Linux."""
    missing = []
    if not any(shutil.which(name) for name in (os.environ.get("CXX") or "c++", "g++", "clang++")):
        missing.append(Missing("a C++ compiler (pdqhash is built here)", "g++"))
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        text = "Python's C headers (pdqhash is built here)"
        missing.append(Missing(text, _python_package("dev")))
    return missing


def system_libraries():
    """Shared libraries that opencv-python loads and no Python package brings."""
    wanted = (
        ("libGL.so.1", "libgl1"),
        ("libgthread-2.0.so.0", "libglib2.0-0"),
    )
    missing = []
    for library, package in wanted:
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(Missing("the system library " + library, package))
    return missing


def disk():
    """Enough room for the packages, unless they are there already."""
    if (Path(os.environ.get("VENV", ROOT / ".venv")) / ".likeness-installed").exists():
        return []
    free = shutil.disk_usage(str(ROOT)).free
    if free >= INSTALL_BYTES:
        return []
    need = f"the packages need {INSTALL_BYTES / 1e9:.0f} GB beside the project"
    return [Missing(f"disk space: {need}, {free / 1e9:.1f} GB are free")]


def browser_and_sandbox():
    """What only the tests drive: Debian's chromium, and bubblewrap around the picture decoder."""
    missing = []
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser")):
        missing.append(Missing("chromium (the end-to-end tests drive it)", "chromium"))
    if shutil.which("bwrap") is None:
        missing.append(Missing("bubblewrap (the sandbox around the decoder)", "bubblewrap"))
    return missing


CHECKS = {
    "run": (python_version, virtual_environments, compiler, system_libraries, disk),
    "test": (
        python_version,
        virtual_environments,
        compiler,
        system_libraries,
        disk,
        browser_and_sandbox,
    ),
}


def main(arguments):
    """Check for one purpose; print what is missing and the line that installs it."""
    purpose = arguments[0] if arguments else "run"
    if purpose not in CHECKS:
        sys.stderr.write("usage: preflight.py [run|test] [--packages]\n")
        return 2
    missing = [item for check in CHECKS[purpose] for item in check()]
    packages = sorted({item.package for item in missing if item.package})
    if "--packages" in arguments:
        sys.stdout.write(" ".join(packages) + "\n")
        return 0
    if not missing:
        return 0
    sys.stderr.write(f"This machine lacks what `make {purpose}` needs:\n")
    for item in missing:
        sys.stderr.write("  - " + item.what + "\n")
    if packages:
        sudo = "" if os.geteuid() == 0 else "sudo "
        sys.stderr.write("\nOn Debian or Ubuntu this line installs it; then start again:\n")
        sys.stderr.write("  " + sudo + "apt-get install -y " + " ".join(packages) + "\n")
    return 1


def _python_package(part):
    """Debian's name for a part of this Python; plain `python3-…` for the system's default one."""
    default = _default_system_version()
    if default is None or default == sys.version_info[:2]:
        return "python3-" + part
    return f"python{sys.version_info[0]}.{sys.version_info[1]}-{part}"


def _default_system_version():
    program = "/usr/bin/python3"
    if not Path(program).exists():
        return None
    ask = "import sys; print(*sys.version_info[:2])"
    try:
        answer = subprocess.check_output([program, "-c", ask], universal_newlines=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(int(part) for part in answer.split())


def _answers(program):
    """Whether a program really starts: version managers leave names that only complain."""
    if shutil.which(program) is None:
        return False
    try:
        subprocess.check_output([program, "-c", "pass"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
