// Calls to the API, by URLs relative to the page, whose path may begin with a stage.

/** An error of the API; `field` is the field of the request that was wrong, if it was one. */
export class ApiError extends Error {
  constructor(message, status = 0, field = null) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

const known = new Map();

/** Return the JSON of an answer: the same object as before if its ETag is the same. */
async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch {
    throw new ApiError("The API cannot be reached. Check your network, and that the stack is running.");
  }
  const etag = response.headers.get("ETag");
  const before = known.get(path);
  if (etag && before?.etag === etag) return before.body;
  const body = await response.json().catch(() => null);
  if (response.ok && body) {
    if (etag) known.set(path, { etag, body });
    return body;
  }
  const message = body?.detail ?? body?.message ?? body?.Message;
  throw new ApiError(
    message ?? `The API answered with status ${response.status} and no explanation.`, response.status, body?.field);
}

export const choices = () => call("v1/choices");
export const segments = (country) => call(`v1/segments?${new URLSearchParams({ country })}`);
export const history = (country) => call(`v1/history?${new URLSearchParams({ country })}`);
export const sources = (cursor) => call(`v1/sources?${new URLSearchParams({ limit: 8, ...(cursor ? { cursor } : {}) })}`);
export const source = (key) => call(`v1/sources/${encodeURIComponent(key)}`);

const post = (path, fields) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) });

export const createUpload = (fields) => post("v1/uploads", fields);

/** Return the answers for some customers, in their order. */
export async function select(customers, asOf) {
  const { selections } = await post("v1/selections", { customers, ...(asOf ? { as_of: asOf } : {}) });
  const failed = selections.find((selection) => selection.outcome === "failed");
  if (failed) throw new ApiError(failed.error.detail, failed.error.status, failed.error.field);
  return selections;
}
