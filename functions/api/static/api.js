// Calls to the API, by URLs relative to the page, whose path may begin with a stage.

/** An error of the API; `field` is the field of the request that was wrong, if it was one. */
export class ApiError extends Error {
  constructor(message, field = null) {
    super(message);
    this.field = field;
  }
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch {
    throw new ApiError("The API cannot be reached. Check your network, and that the stack is running.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const message = body?.detail ?? body?.message ?? body?.Message;
  throw new ApiError(message ?? `The API answered with status ${response.status} and no explanation.`, body?.field);
}

export const countries = async () => (await call("v1/countries")).countries;
export const segments = (country) => call(`v1/segments?${new URLSearchParams({ country })}`);
export const sources = (cursor) => call(`v1/sources?${new URLSearchParams({ limit: 8, ...(cursor ? { cursor } : {}) })}`);

/** Return the answer for one customer. */
export async function select(customer, asOf) {
  const body = JSON.stringify({ customers: [customer], ...(asOf ? { as_of: asOf } : {}) });
  const headers = { "Content-Type": "application/json" };
  const { selections: [answer] } = await call("v1/selections", { method: "POST", headers, body });
  if (answer.outcome === "failed") throw new ApiError(answer.error.detail, answer.error.field);
  return answer;
}
