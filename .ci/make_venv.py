"""Make .venv: a Python of this checkout's own, with ruleparse (editable) and its development tools in it.

Nothing is done when .venv is up to date, that is when pyproject.toml, this file, the interpreter and the place of the
checkout are those it was made with. Only the standard library is used, and not all of it: Debian keeps ensurepip in a
package of its own, so where that is missing pip's wheel is fetched from the package index that pip is configured for,
compared with the sha256 that the index gives, and run to install itself.
"""

from __future__ import annotations  # so that an older Python gets as far as being told

import configparser
import fcntl
import hashlib
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import venv
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "made-from"

# The caller's Python settings stay outside, and so does pip's wish to install elsewhere.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("PYTHON") and name not in {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
}


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(f"ruleparse needs Python 3.11 or newer, not {sys.version.split()[0]}: make PYTHON=python3.11 ...")
    with open(__file__, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second waits, and finds the work done
        wanted = fingerprint()
        if STAMP.is_file() and STAMP.read_text() == wanted:
            return
        print(f"making .venv with Python {sys.version.split()[0]}", flush=True)
        venv.EnvBuilder(clear=True, symlinks=True).create(VENV)
        if not run("-m", "ensurepip", "--default-pip", quiet=True):
            install_pip()
        if not run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", f"{ROOT}[dev]"):
            sys.exit("pip could not install ruleparse's dependencies, see above")
        run("-m", "compileall", "-q", f"{ROOT}/ruleparse")  # an editable install is not compiled by pip
        STAMP.write_text(wanted)


def fingerprint() -> str:
    """What .venv depends on, as one word."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), Path(__file__).read_bytes(), sys.version.encode(), bytes(ROOT)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def run(*arguments: str, quiet: bool = False) -> bool:
    """Run the Python of .venv by itself; say whether that went well."""
    output = subprocess.DEVNULL if quiet else None
    command = [str(VENV / "bin" / "python"), "-I", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, stdout=output, stderr=output).returncode == 0


def install_pip() -> None:
    index = pip_setting("index-url") or "https://pypi.org/simple"
    try:
        url, sha256 = newest_pip(*read(index.rstrip("/") + "/pip/"))
        _, wheel = read(url)
    except (OSError, ValueError) as error:
        sys.exit(f"this Python has no ensurepip (Debian: python3-venv), and pip could not be fetched: {error}")
    if hashlib.sha256(wheel).hexdigest() != sha256:
        sys.exit(f"{url} is not what its index promises: its sha256 differs")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / url.rpartition("/")[2]
        path.write_bytes(wheel)
        if not run(f"{path}/pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", str(path)):
            sys.exit("pip could not install itself, see above")


def newest_pip(page: str, content: bytes) -> tuple[str, str]:
    """The address and sha256 of the newest released pip that runs here, from an index page (PEP 503)."""
    parser = Anchors()
    parser.feed(content.decode())
    found = []
    for anchor in parser.anchors:
        url, fragment = urldefrag(urljoin(page, anchor.get("href") or ""))
        wheel = re.search(r"/pip-(\d+(?:\.\d+)*)-py3-none-any\.whl$", url)
        oldest = re.search(r">=\s*3\.(\d+)", anchor.get("data-requires-python") or "")
        runs_here = not oldest or int(oldest[1]) <= sys.version_info.minor
        if wheel and runs_here and "data-yanked" not in anchor and fragment.startswith("sha256="):
            found.append(([int(part) for part in wheel[1].split(".")], url, fragment.removeprefix("sha256=")))
    if not found:
        raise ValueError(f"{page} lists no wheel of pip with a sha256")
    _, url, sha256 = max(found)
    return url, sha256


class Anchors(HTMLParser):
    """Collects the attributes of every link."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.anchors.append(dict(attrs))


def read(url: str) -> tuple[str, bytes]:
    """The address that answered in the end, and its answer."""
    certificates = ssl.create_default_context(cafile=pip_setting("cert"))
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=60, context=certificates) as answer:
        return answer.url, answer.read()


def pip_setting(name: str) -> str | None:
    """An option as pip would find it: the environment first, then its files, of which the last wins."""
    if value := os.environ.get("PIP_" + name.upper().replace("-", "_")):
        return value
    user = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", "~/.pip/pip.conf", f"{user}/pip/pip.conf"]
    files.append(os.environ.get("PIP_CONFIG_FILE", os.devnull))
    config = configparser.RawConfigParser()
    config.read([os.path.expanduser(file) for file in files], encoding="utf-8")
    return config.get("install", name, fallback=None) or config.get("global", name, fallback=None)


if __name__ == "__main__":
    main()
