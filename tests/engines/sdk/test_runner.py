from streams.events import StageCompleted, type_of
from streams.transcript import Transcript
from tests.engines.sdk.conftest import Bench, one


async def test_a_task_is_taken_done_and_told(bench: Bench) -> None:
    await bench.start()
    job = await bench.end(await bench.submit(one(), "hello"))
    assert job.status == "succeeded", bench.logs()
    facts = await bench.facts(job.id)
    assert [type_of(fact) for fact in facts][3:] == [
        "stage.started", "stage.completed", "job.succeeded",
    ]  # fmt: skip
    done = next(fact for fact in facts if isinstance(fact, StageCompleted))
    assert done.usage.engine_version == "1.2.3"
    assert done.usage.model == "small"
    assert done.usage.audio_s == 0.5
    assert (done.usage.peak_rss or 0) > 5_000_000
    assert done.warnings == ("it is a toy",)
    transcript = await bench.artifacts.get_value(done.output, Transcript)
    assert transcript.text == "hello"
    assert (await bench.queue().depth()).running == 0
