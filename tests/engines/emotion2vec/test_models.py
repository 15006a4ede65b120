import sys
from pathlib import Path

import pytest

from engines.emotion2vec.engine import Emotion2vec
from engines.emotion2vec.models import Shelf
from engines.emotion2vec.settings import Emotion2vecSettings
from engines.sdk.contract import InvalidInput, ModelUnavailable


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    for name, kind in (
        ("iic/emotion2vec_plus_base", "Emotion2vec"),
        ("mine", "Emotion2vec  # ours"),
        ("paraformer", "Paraformer"),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text(f"# x\nmodel: {kind}\nmodel_conf: {{}}\n")
        (tmp_path / name / "model.pt").write_bytes(b"weights")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "config.yaml").write_text("model: Emotion2vec\n")
    return Shelf(tmp_path)


def test_only_emotion2vecs_that_are_whole_are_announced(shelf: Shelf) -> None:
    engine = Emotion2vec(Emotion2vecSettings(models_dir=str(shelf.folder)))
    assert engine.models() == ("iic/emotion2vec_plus_base", "mine")
    assert not {"funasr", "torch"} & sys.modules.keys()


def test_none_here_announces_none_and_says_how_to_have_one(tmp_path: Path) -> None:
    engine = Emotion2vec(Emotion2vecSettings(models_dir=str(tmp_path / "nowhere")))
    assert (engine.models(), engine.default_model()) == ((), None)
    with pytest.raises(ModelUnavailable, match=r"iic/emotion2vec_plus_base.*DALSTON_MODELS_DIR"):
        engine.load(None)


@pytest.mark.parametrize("name", ["/etc", "../x", "mine/../../x", "/"])
def test_paths_out_of_the_folder_are_refused(shelf: Shelf, name: str) -> None:
    with pytest.raises(InvalidInput, match="outside of"):
        shelf.own(name)
