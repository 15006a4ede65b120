"""People at work while all breaks: they submit, ask, cancel, retry and erase, and take notes.

A client knows an outcome only from a 2xx or 4xx; a lost connection, a timeout or a 5xx leaves it
open, as for any client.
"""

import asyncio
import dataclasses
import random
import time
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from tests.echo.script import encode
from tests.faults.record import Order, Told, order

SETTLED = frozenset({"succeeded", "failed", "cancelled", "blocked"})
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
PAUSE_S = (0.05, 0.8)
AGAIN_S = 0.3


class Person:
    """One client with a mind of its own, which comes from ``chance`` alone."""

    def __init__(self, url: str, chance: random.Random, told: Told, *, erases: bool = True) -> None:
        self.told = told
        self._chance = chance
        self._erases = erases
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, trust_env=False)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Begin nothing more."""
        self._leaving.set()

    async def work(self) -> None:
        """Do one thing after another until told to leave, and end what was begun."""
        deeds = {
            self.submit_once: 25, self.submit_for_sure: 35, self.look: 25, self.cancel: 8,
            self.erase: 6 * self._erases, self.retry: 6, self.cancel_again: 3, self.read: 10,
        }  # fmt: skip
        async with self._http:
            while not self._leaving.is_set():
                await self._chance.choices(list(deeds), list(deeds.values()))[0]()
                await asyncio.sleep(self._chance.uniform(*PAUSE_S))

    async def submit_once(self) -> None:
        """Without a key a client can send only once; the outcome may stay open."""
        wanted = order(self._chance, keyed=False)
        answer = await self._post(wanted)
        if answer is None:
            self.told.open.append(wanted)
        else:
            self._taken(answer, wanted)

    async def submit_for_sure(self) -> None:
        """With a key it is sent until it is answered, and sometimes once more for good measure."""
        wanted = order(self._chance, keyed=True)
        often = self._chance.random() < 0.3
        answer = await self._until_answered(wanted)
        if answer is not None and often:
            self.told.repeated += 1
            answer = await self._until_answered(wanted)

    async def look(self) -> None:
        """A job that was accepted can be seen, at every moment."""
        if not (job := self._any_job()):
            return
        answer = await self._send("GET", f"/v1/jobs/{job}")
        if answer is None:
            return
        if answer.status_code != 200:
            self._wrong(f"{job} was accepted, but is answered with {answer.text}")
        elif (status := answer.json()["status"]) in SETTLED:
            self.told.ended[job] = status

    async def read(self) -> None:
        """The transcript of a job that succeeded is there and says what the script says."""
        if not (job := self._ended_as("succeeded")):
            return
        answer = await self._send("GET", f"/v1/jobs/{job}/transcript?format=txt")
        if answer is None or (answer.status_code == 410 and self._may_be_erased(job)):
            return
        says = self.told.jobs[job].script.says
        if answer.status_code != 200 or answer.text.strip() != says:
            self._wrong(f"{job} succeeded, but its transcript is {answer.text}")

    async def cancel(self) -> None:
        """Any job; one that has ended refuses."""
        if job := self._any_job():
            await self._cancel(job)

    async def cancel_again(self) -> None:
        """Cancelling twice is the same as once."""
        if self.told.cancelled:
            self.told.repeated += 1
            await self._cancel(self._chance.choice(sorted(self.told.cancelled)))

    async def erase(self) -> None:
        """A job that has ended."""
        if not (job := self._ended_as("succeeded", "failed", "cancelled")):
            return
        self.told.erasing.add(job)
        answer = await self._send("DELETE", f"/v1/jobs/{job}")
        if answer is not None and answer.status_code == 204:
            self.told.erased.setdefault(job, time.time())
        elif answer is not None and answer.status_code != 409:
            self._wrong(f"erasing {job}, which has ended, is answered with {answer.text}")

    async def retry(self) -> None:
        """A parked job gets a fresh budget, one that has ended is done once more as a new one."""
        if not (job := self._ended_as("blocked", "succeeded", "cancelled")):
            return
        before = self.told.jobs[job]
        key = f"again-{self._chance.getrandbits(64):x}"
        again = dataclasses.replace(before, key=key, again_from=job)
        while True:
            answer = await self._send(
                "POST", f"/v1/jobs/{job}/retry", headers={"Idempotency-Key": key}
            )
            if answer is not None or self._leaving.is_set():
                break
            await asyncio.sleep(AGAIN_S)
        if answer is None:
            self.told.open.append(again)
        elif answer.status_code in {200, 201} and answer.json()["id"] != job:
            self.told.accepted(answer.json()["id"], again)
        elif answer.status_code == 200:
            self.told.unparked.add(job)
            self.told.ended.pop(job, None)
        elif answer.status_code != 409 and not self._may_be_erased(job):
            self._wrong(f"retrying {job} is answered with {answer.text}")

    async def _cancel(self, job: str) -> None:
        self.told.cancelling.add(job)
        answer = await self._send("POST", f"/v1/jobs/{job}/cancel")
        if answer is not None and answer.status_code == 200:
            self.told.cancelled.setdefault(job, time.time())
        elif answer is not None and answer.status_code != 409:
            self._wrong(f"cancelling {job} is answered with {answer.text}")

    async def _until_answered(self, wanted: Order) -> httpx.Response | None:
        while True:
            answer = await self._post(wanted)
            if answer is not None:
                self._taken(answer, wanted)
                return answer
            if self._leaving.is_set():
                self.told.open.append(wanted)
                return None
            self.told.repeated += 1
            await asyncio.sleep(AGAIN_S)

    async def _post(self, wanted: Order) -> httpx.Response | None:
        headers = {"Idempotency-Key": wanted.key} if wanted.key else {}
        labels = msgspec.json.encode({"mark": wanted.word}).decode()
        file = (f"{wanted.word}.echo", encode(wanted.script))
        return await self._send(
            "POST", "/v1/jobs", headers=headers, files={"file": file}, data={"labels": labels}
        )

    def _taken(self, answer: httpx.Response, wanted: Order) -> None:
        if answer.status_code in {200, 202}:
            self.told.accepted(answer.json()["id"], wanted)
        else:
            self._wrong(f"a good request is answered with {answer.status_code} {answer.text}")

    async def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **body: Any
    ) -> httpx.Response | None:
        """The answer, or None when nobody can know what became of it."""
        try:
            answer = await self._http.request(method, path, headers=headers, **body)
        except httpx.TransportError as error:
            self.told.calls[type(error).__name__] += 1
            return None
        self.told.calls[str(answer.status_code)] += 1
        if answer.status_code == 500:
            self._wrong(f"{method} {path} is answered with {answer.text}")
        return None if answer.status_code >= 500 else answer

    def _any_job(self) -> str | None:
        recent = list(self.told.jobs)[-30:]
        return self._chance.choice(recent) if recent else None

    def _ended_as(self, *statuses: str) -> str | None:
        found = [job for job, status in self.told.ended.items() if status in statuses]
        found = [job for job in found if not self._may_be_erased(job)]
        return self._chance.choice(found) if found else None

    def _may_be_erased(self, job: str) -> bool:
        return job in self.told.erasing

    def _wrong(self, what: str) -> None:
        self.told.wrong.append(what)
