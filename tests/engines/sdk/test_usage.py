from streams.events import PlannedStage, StageCompleted
from tests.engines.sdk.conftest import Bench


async def test_what_a_stage_paid_is_in_its_usage(bench: Bench) -> None:
    await bench.start("payer")
    job = await bench.end(await bench.submit((PlannedStage(name="merge", engine="payer"),), "x"))
    done = next(fact for fact in await bench.facts(job.id) if isinstance(fact, StageCompleted))
    assert (done.usage.tokens_in, done.usage.tokens_out, done.usage.cost_usd) == (70, 7, 0.25)


async def test_a_stage_that_paid_nobody_says_nothing_of_it(bench: Bench) -> None:
    await bench.start()
    job = await bench.end(await bench.submit((PlannedStage(name="prepare", engine="toy"),), "x"))
    usage = job.stages["prepare"].usage
    assert (usage.tokens_in, usage.tokens_out, usage.cost_usd) == (None, None, None)
