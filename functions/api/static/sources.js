// What was ingested and what was rejected, the last first, in pages.

import * as api from "./api.js";
import { byId, make, named, show, showFailure, showLoading } from "./dom.js";
import * as words from "./words.js";

const place = byId("sources");

/** Show the first page. */
export async function load() {
  showLoading(place, 3);
  try {
    const page = await api.sources(null);
    if (page.sources.length) show(place, list(page));
    else show(place, make("p", { class: "state", text: "No file has been ingested yet." }));
  } catch (error) {
    showFailure(place, error, load);
  }
}

function list(page) {
  const items = make("ol", { class: "sources" }, ...page.sources.map(item));
  const box = make("div", {}, items);
  if (page.next_cursor) box.append(further(items, page.next_cursor));
  return box;
}

function further(items, cursor) {
  const said = make("p", { class: "wrong", role: "alert" });
  const button = make("button", { type: "button", class: "plain", text: "Show earlier ones" });
  button.onclick = async () => {
    button.disabled = true;
    try {
      const page = await api.sources(cursor);
      const added = page.sources.map(item);
      items.append(...added);
      added[0]?.setAttribute("tabindex", "-1");
      added[0]?.focus();
      box.replaceWith(...(page.next_cursor ? [further(items, page.next_cursor)] : []));
    } catch (error) {
      said.textContent = error.message;
      button.disabled = false;
    }
  };
  const box = make("div", { class: "further" }, button, said);
  return box;
}

function item(source) {
  return make("li", { class: source.status },
    make("div", { class: "source-title" },
      make("h3", {}, named(source.source.replace(/^vouchers\//, ""))),
      make("span", { class: `status ${source.status}`, text: source.status })),
    make("p", { class: "facts", text: when(source) }),
    source.report ? report(source.report) : null,
    source.error ? make("p", { class: "wrong", text: source.error }) : null);
}

function when(source) {
  const at = source.committed_at ? words.time(source.committed_at) : "not committed yet";
  const basis = source.as_of === "row" ? "recency measured in each row" : source.as_of && `recency as of ${words.day(source.as_of)}`;
  return [at, basis].filter(Boolean).join(" · ");
}

function report(told) {
  const reasons = Object.entries(told.rejected_by_reason);
  return make("div", {},
    make("p", { class: "rows" },
      make("strong", { text: words.count(told.counted) }), ` of ${words.rows(told.rows)} counted`,
      told.rejected ? ", " : "",
      told.rejected ? make("strong", { class: "bad", text: `${words.count(told.rejected)} rejected` }) : ", none rejected"),
    reasons.length ? make("ul", { class: "reasons" }, ...reasons.map(([reason, number]) =>
      make("li", { text: `${words.words(reason)}: ${words.count(number)}` }))) : null);
}
