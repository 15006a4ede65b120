"""The credentials of a stack in containers: each role's own, made once."""

from pathlib import Path

from infra import keys

ENGINES = ("merge", "llm_cleanup")
VARIABLE = "DALSTON_LLM_API_KEY"


def files(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_what_was_made_stays_and_an_engine_that_comes_later_gets_its_own(tmp_path: Path) -> None:
    keys.make(tmp_path, ["merge"], {})
    before = files(tmp_path)
    keys.make(tmp_path, ENGINES, {})
    after = files(tmp_path)
    users = "valkey/users.acl"
    assert {name: after[name] for name in before if name != users} == {
        name: text for name, text in before.items() if name != users
    }
    assert "dalston-engine-llm_cleanup" in after[users]
    assert set(before[users].splitlines()) < set(after[users].splitlines())
    assert len({text for name, text in after.items() if name.endswith("redis_password")}) == 5


def test_the_language_models_key_is_one_engines_alone_and_empty_until_it_is_given(
    tmp_path: Path,
) -> None:
    keys.make(tmp_path, ENGINES, {})
    assert files(tmp_path)["llm-cleanup/llm_api_key"].strip() == ""
    keys.make(tmp_path, ENGINES, {VARIABLE: "a-secret"})
    keys.make(tmp_path, ENGINES, {VARIABLE: ""})
    holding = [name for name, text in files(tmp_path).items() if "a-secret" in text]
    assert holding == ["llm-cleanup/llm_api_key"]


def test_the_web_gets_into_postgres_as_a_role_of_its_own(tmp_path: Path) -> None:
    keys.make(tmp_path, ENGINES, {"DALSTON_POSTGRES_PASSWORD": "p@ss"})
    made = files(tmp_path)
    password = made["projector/postgres_web_password"].strip()
    assert made["web/postgres_dsn"].startswith(f"postgresql://dalston_web:{password}@")
    assert made["projector/postgres_dsn"].startswith("postgresql://dalston:p%40ss@")
    assert not [name for name, text in made.items() if "p%40ss" in text and name.startswith("web")]
