// The HTTP API: every error comes as a problem whose detail is for people.

/** JSON of a path; throws an Error with the problem's detail. */
export async function call(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const text = await reply.text();
  if (!reply.ok) throw new Error(detail(text) ?? `The server answered ${reply.status}.`);
  return text ? JSON.parse(text) : null;
}

/** Send one file; `moved` is told the fraction sent. Gives {done: promise of the job, abort}. */
export function upload(file, fields, moved) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append("file", file);
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => moved(event.total ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(new Error(detail(request.responseText) ?? `The server answered ${request.status}.`));
    };
    request.onerror = () => reject(new Error("The connection broke before the file was there."));
    request.onabort = () => reject(new Error("Stopped."));
  });
  request.open("POST", "/v1/jobs");
  request.setRequestHeader("Idempotency-Key", crypto.randomUUID?.() ?? String(Math.random()).slice(2));
  request.send(form);
  return { done, abort: () => request.abort() };
}

function detail(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return undefined;
  }
}
