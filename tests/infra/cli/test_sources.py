"""Files that are named, found in directories, and given names for their transcripts."""

from pathlib import Path

from infra.cli import sources


def made(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_directory_means_the_audio_and_video_below_it(tmp_path: Path) -> None:
    made(tmp_path, "b.MP3", "deep/er/a.wav", "notes.txt", ".hidden.wav", ".git/x.wav", "clip.mkv")
    found = sources.collect([tmp_path])
    assert [str(source.name) for source in found] == ["b.MP3", "clip.mkv", "deep/er/a.wav"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    made(tmp_path, "notes.txt")
    assert [source.name for source in sources.collect([tmp_path / "notes.txt"])] == [
        Path("notes.txt")
    ]


def test_a_file_named_twice_is_transcribed_once(tmp_path: Path) -> None:
    made(tmp_path, "a.wav")
    (tmp_path / "same.wav").symlink_to(tmp_path / "a.wav")
    assert len(sources.collect([tmp_path, tmp_path / "a.wav"])) == 1


def test_transcripts_keep_the_folders_and_get_the_format_as_suffix(tmp_path: Path) -> None:
    made(tmp_path, "x/a.wav", "b.mp3")
    found = sources.collect([tmp_path])
    names = sources.outputs(found, Path("out"), "srt")
    assert names == [Path("out/b.srt"), Path("out/x/a.srt")]


def test_files_that_differ_only_in_their_suffix_keep_it(tmp_path: Path) -> None:
    made(tmp_path, "a.mp3", "a.wav")
    names = sources.outputs(sources.collect([tmp_path]), Path(), "txt")
    assert names == [Path("a.mp3.txt"), Path("a.wav.txt")]


def test_the_same_name_below_two_directories_does_not_overwrite(tmp_path: Path) -> None:
    made(tmp_path, "one/a.wav", "two/a.wav")
    names = sources.outputs(sources.collect([tmp_path / "one", tmp_path / "two"]), Path(), "txt")
    assert len(set(names)) == 2


def test_a_transcript_is_written_whole_and_leaves_no_part(tmp_path: Path) -> None:
    sources.write(tmp_path / "deep" / "a.txt", "ünï\n")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text(encoding="utf-8") == "ünï\n"
