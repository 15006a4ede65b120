"""There is one way to write to the log, and one place that tells the time on it."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for package in ("streams", "engines", "projector", "web", "infra")
    for path in (ROOT / package).rglob("*.py")
)

RULES = ("events", "cloudevents", "job", "decide", "sequel", "pipeline", "erasure", "clip")


def calls(path: Path) -> set[str]:
    """Names of the methods that a file calls."""
    tree = ast.parse(path.read_text())
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def test_nobody_but_the_script_appends() -> None:
    assert SOURCES
    assert [str(path) for path in SOURCES if "xadd" in calls(path)] == []
    scripts = [path for path in ROOT.glob("*/**/*.lua") if ".venv" not in path.parts]
    appending = {path.name for path in scripts if "'XADD'" in path.read_text()}
    assert appending == {"commit.lua"}


def test_the_rules_know_no_clock_no_chance_and_no_server() -> None:
    allowed = {"decide.py": {"random"}}  # jitter, which callers at the rim hand in
    for name in RULES:
        path = ROOT / "streams" / f"{name}.py"
        assert not calls(path) & {"now", "utcnow", "time", "monotonic", "urandom"}, name
        imported = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        roots = {module.partition(".")[0] for module in imported}
        pure = {"collections", "datetime", "typing", "msgspec", "streams"}
        assert roots <= pure | allowed.get(path.name, set()), name
