// Calls to the API, relative to the page: a stage's path or a gateway's port makes no difference.

/** What the API said was wrong; `field` is the field that it was about, if it was about one. */
export class Refusal extends Error {
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
    throw new Refusal("The API cannot be reached. Look whether the gateway still runs and this machine is online.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const said = body?.detail ?? body?.message ?? body?.Message;
  throw new Refusal(said ?? `The API answered with status ${response.status} and no explanation.`, body?.field);
}

export const countries = async () => (await call("v1/countries")).countries;
export const segments = (country) => call(`v1/segments?${new URLSearchParams({ country })}`);
export const sources = (cursor) => call(`v1/sources?${new URLSearchParams({ limit: 8, ...(cursor ? { cursor } : {}) })}`);

/** Return the answer for one customer, of the counts at hand. */
export async function select(customer, asOf) {
  const body = JSON.stringify({ customers: [customer], ...(asOf ? { as_of: asOf } : {}) });
  const headers = { "Content-Type": "application/json" };
  const { selections: [answer] } = await call("v1/selections", { method: "POST", headers, body });
  if (answer.outcome === "failed") throw new Refusal(answer.error.detail, answer.error.field);
  return answer;
}
