"""Uploads that go on where they were cut: tus 1.0, each one the parts of the job's own source.

Upload and job have the same id, and the parts go to the key where the job looks for its audio:
nothing is copied when the last one is there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from functools import wraps

from botocore.exceptions import ClientError
from starlette.responses import Response

from projector import pending
from projector.pending import Pending
from streams.artifacts import lost_upload, source_key
from streams.events import Artifact
from streams.ids import is_id, new_id
from web import pieces, tus
from web.call import Call
from web.errors import BadRequest, Clash, NotFound, TooLarge, WebError, render
from web.uploads import clean_name, media_type_of

Handler = Callable[[Call], Awaitable[Response]]


def spoken(handler: Handler) -> Handler:
    """Check the version that the client speaks, and say ours, with a refusal too."""

    @wraps(handler)
    async def checked(call: Call) -> Response:
        try:
            tus.check_version(call.request.headers)
            return await handler(call)
        except WebError as error:
            answer = render(error)
            answer.headers.update(tus.SPOKEN)
            return answer

    return checked


async def options(call: Call) -> Response:
    """OPTIONS /v1/uploads."""
    limit = call.web.backends.settings.max_upload
    said = {
        "Tus-Version": tus.VERSION,
        "Tus-Extension": tus.EXTENSIONS,
        "Tus-Max-Size": str(limit),
    }
    return Response(status_code=204, headers=tus.SPOKEN | said)


@spoken
async def create(call: Call) -> Response:
    """POST /v1/uploads."""
    headers = call.request.headers
    length = tus.number(headers, "Upload-Length")
    call.web.receiver.check_size(length)
    if not length:
        raise BadRequest("The file is empty: it has zero bytes.")
    named = tus.metadata(headers.get("upload-metadata", ""))
    upload_id, media_type = new_id(), media_type_of(named.get("filetype", ""))
    artifacts = call.web.backends.artifacts
    multipart = await artifacts.begin(source_key(upload_id), media_type)
    try:
        async with call.web.backends.writing() as connection:
            begun = await pending.begin(
                connection,
                upload_id=upload_id,
                tenant=call.tenant,
                filename=clean_name(named.get("filename", "")).replace("\x00", ""),
                media_type=media_type,
                length=length,
                multipart=multipart,
            )
    except BaseException:
        await asyncio.shield(_give_up(call, upload_id, multipart))
        raise
    return Response(
        status_code=201, headers=tus.told(begun) | {"Location": f"/v1/uploads/{upload_id}"}
    )


@spoken
async def head(call: Call) -> Response:
    """HEAD /v1/uploads/{id}."""
    return Response(headers=tus.described(await _found(call, _id(call))))


@spoken
async def patch(call: Call) -> Response:
    """PATCH /v1/uploads/{id}."""
    headers = call.request.headers
    tus.check_media_type(headers)
    offset = tus.number(headers, "Upload-Offset")
    found = await _found(call, _id(call))
    if offset != found.stored:
        raise Clash(
            f"The next byte to send is {found.stored}, not {offset}: HEAD says how far it is."
        )
    size = headers.get("content-length", "0")
    if offset + (int(size) if size.isdigit() else 0) > found.length:
        raise TooLarge(f"The body goes on beyond the end of the file, {found.length} bytes.")
    if not found.whole:
        found = await _sent(call, found)
    return Response(status_code=204, headers=tus.told(found))


@spoken
async def terminate(call: Call) -> Response:
    """DELETE /v1/uploads/{id}."""
    upload_id = _id(call)
    async with call.web.backends.writing() as connection:
        ended = await pending.end(connection, upload_id, call.tenant)
    if ended is None:
        raise unknown(upload_id)
    await _give_up(call, upload_id, ended.multipart)
    return Response(status_code=204, headers=tus.SPOKEN)


async def whole(call: Call, upload_id: str) -> tuple[Pending, Artifact]:
    """An upload of which all is there, as the object that its job will have; again without harm.

    Raises:
        NotFound: there is no such upload. Clash: some of it is still to come.
    """
    found = await _found(call, upload_id)
    if not found.whole:
        raise Clash(
            f"Upload {upload_id} has {found.stored} of {found.length} bytes: send the rest of it."
        )
    parts = [
        {"PartNumber": number, "ETag": etag}
        for number, etag in zip(found.numbers, found.etags, strict=True)
    ]
    artifacts, key = call.web.backends.artifacts, source_key(upload_id)
    with _known(upload_id):
        await artifacts.complete(key, found.multipart, parts, found.length)
    return found, await artifacts.described(key)


def unknown(upload_id: str) -> NotFound:
    """The answer for an upload that this tenant does not have, or no longer."""
    return NotFound(
        f"There is no upload {upload_id[:40]!r}: it ended, or nobody went on with it in time. "
        "POST /v1/uploads begins another."
    )


async def _sent(call: Call, found: Pending) -> Pending:
    """Store what comes, part by part; the upload as it is then.

    Raises:
        Clash: another request goes on with it. BadRequest: not one whole part came.
    """
    artifacts, writing = call.web.backends.artifacts, call.web.backends.writing
    async with writing() as connection:
        mine = await pending.take(connection, found.id, found.tenant, found.stored)
    if mine is None:
        raise Clash("Another request has gone on with this upload: ask with HEAD how far it is.")
    room = mine.length - mine.stored
    body = pieces.parts(call.request.stream(), mine.part, room)
    async with aclosing(body):
        async for data in body:
            with _known(mine.id):
                made = await artifacts.part(source_key(mine.id), mine.multipart, mine.number, data)
            size = len(data)
            del data  # before the next one comes together: one is in memory at a time
            async with writing() as connection:
                counted = await pending.record(connection, mine, etag=str(made["ETag"]), size=size)
            if counted is None:
                raise Clash("Another request goes on with this upload: this one ends here.")
            call.web.metrics.uploaded.inc(size)
            mine = counted
    if mine.stored == found.stored:
        raise BadRequest(
            f"What does not reach the end of the file has to be {found.part} bytes at least."
        )
    return mine


async def _found(call: Call, upload_id: str) -> Pending:
    async with call.web.backends.reading() as connection:
        found = await pending.find(connection, upload_id, call.tenant)
    if found is None:
        raise unknown(upload_id)
    return found


def _id(call: Call) -> str:
    upload_id: str = call.request.path_params["id"]
    if not is_id(upload_id):
        raise unknown(upload_id)
    return upload_id


@contextmanager
def _known(upload_id: str) -> Iterator[None]:
    """An upload that the store does not know any more is one that is not there."""
    try:
        yield
    except ClientError as error:
        if lost_upload(error):
            raise unknown(upload_id) from None
        raise


async def _give_up(call: Call, upload_id: str, multipart: str) -> None:
    """Free what is stored; what fails here the sweeper finds."""
    artifacts, key = call.web.backends.artifacts, source_key(upload_id)
    with suppress(ClientError):
        await artifacts.abort(key, multipart)
    await artifacts.delete(key)
