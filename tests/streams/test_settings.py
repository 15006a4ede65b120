from pathlib import Path

import msgspec
import pytest

from streams.errors import InvalidSetting
from streams.settings import PREFIX, Settings, read


def test_without_an_environment_the_defaults_hold() -> None:
    assert Settings.from_env({}) == Settings()


def test_every_field_is_a_variable() -> None:
    values = {"lease_s": "5.5", "partition": "3", "profile": "ha", "log_window": "10"}
    environ = {PREFIX + name.upper(): value for name, value in values.items()}
    settings = Settings.from_env(environ | {"PATH": "/bin", "DALSTON_UNKNOWN": "x"})
    assert (settings.lease_s, settings.partition) == (5.5, 3)
    assert (settings.profile, settings.log_window) == ("ha", 10)


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.from_env({"DALSTON_LEASE_S": ""}).lease_s == Settings().lease_s


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("LEASE_S", "soon", "Expected `float`"),
        ("LEASE_S", "0", "> 0"),
        ("PARTITION", "-1", ">= 0"),
        ("PROFILE", "fast", "Invalid enum value 'fast'"),
        ("KEY_PREFIX", "a b", "matching regex"),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str, why: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"DALSTON_{name}='{value}': .*{why}"):
        Settings.from_env({f"DALSTON_{name}": value})


def test_a_value_may_stand_in_a_file_and_the_variable_itself_wins(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://u:p@h/0\n")
    environ = {"DALSTON_REDIS_URL_FILE": str(tmp_path / "url")}
    assert Settings.from_env(environ).redis_url == "redis://u:p@h/0"
    assert Settings.from_env(environ | {"DALSTON_REDIS_URL": "redis://x"}).redis_url == "redis://x"
    with pytest.raises(InvalidSetting, match="DALSTON_REDIS_URL_FILE='/nowhere': No such file"):
        Settings.from_env({"DALSTON_REDIS_URL_FILE": "/nowhere"})


def test_a_setting_without_a_default_must_be_set() -> None:
    class Own(msgspec.Struct, frozen=True):
        token: str
        slot: int = 0

    with pytest.raises(InvalidSetting, match="DALSTON_TOKEN is not set"):
        read(Own, {})
    assert read(Own, {"DALSTON_TOKEN": "x", "DALSTON_SLOT": "2"}) == Own("x", 2)


def test_every_setting_says_what_it_means() -> None:
    for field in msgspec.structs.fields(Settings):
        info = msgspec.inspect.type_info(field.type)
        assert isinstance(info, msgspec.inspect.Metadata), field.name
        assert (info.extra_json_schema or {}).get("description"), field.name
