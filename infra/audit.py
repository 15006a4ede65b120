"""``python -m infra.audit UV``: known vulnerabilities of everything that the lock files pin.

Exit status 1 when there are some. When their source cannot be asked, that is said and is no
failure: an audit of nothing must not look like a clean one.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 180


def main(uv: str) -> int:
    """Audit each lock file and say what came of it."""
    found = asked = 0
    for lock in sorted([ROOT / "requirements.lock", *ROOT.glob("engines/*/requirements*.lock")]):
        for package in audited(uv, lock):
            asked += 1
            for flaw in package["vulns"]:
                found += 1
                fixed = ", ".join(flaw["fix_versions"]) or "no version"
                name = f"{package['name']} {package['version']}"
                print(f"{lock.relative_to(ROOT)}: {name}: {flaw['id']}, mended in {fixed}")
    if not asked:
        print("SKIPPED [1] the audit of dependencies: no vulnerability data reachable")
    else:
        print(f"audited {asked} pinned packages: {found} known vulnerabilities")
    return 1 if found else 0


def audited(uv: str, lock: Path) -> list[dict[str, Any]]:
    """The packages of a lock file that could be asked about, as pip-audit tells of them."""
    command = [
        *(uv, "tool", "run", "--quiet", "pip-audit", "--disable-pip", "--require-hashes"),
        *("--progress-spinner", "off", "--timeout", "10", "-f", "json", "-r", str(lock)),
    ]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=TIMEOUT_S).stdout  # fmt: skip
        packages = json.loads(said)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return []
    return [package for package in packages if "skip_reason" not in package]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
