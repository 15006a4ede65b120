from streams.keys import Keys


def test_the_keys_of_a_partition_share_a_hash_tag() -> None:
    keys = Keys("dalston", 3)
    names = [
        keys.log, keys.head, keys.replicas, keys.nudges, keys.job("j"), keys.replica("r"),
        *keys.engine("e"),
    ]  # fmt: skip
    assert all(name.startswith("dalston:{3}:") for name in names)
    assert len(set(names)) == len(names)
