// The ingested files, newest first, in pages.

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
  if (page.next_cursor) box.append(moreButton(items, page.next_cursor));
  return box;
}

function moreButton(items, cursor) {
  const message = make("p", { class: "wrong", role: "alert" });
  const button = make("button", { type: "button", class: "plain", text: "Show older files" });
  button.onclick = async () => {
    button.disabled = true;
    try {
      const page = await api.sources(cursor);
      const added = page.sources.map(item);
      items.append(...added);
      added[0]?.setAttribute("tabindex", "-1");
      added[0]?.focus();
      box.replaceWith(...(page.next_cursor ? [moreButton(items, page.next_cursor)] : []));
    } catch (error) {
      message.textContent = error.message;
      button.disabled = false;
    }
  };
  const box = make("div", { class: "more" }, button, message);
  return box;
}

function item(source) {
  return make("li", { class: source.status },
    make("div", { class: "source-title" },
      make("h3", {}, named(source.source.replace(/^vouchers\//, ""))),
      make("span", { class: `status ${source.status}`, text: source.status })),
    make("p", { class: "facts", text: times(source) }),
    source.report ? report(source.report) : null,
    source.error ? make("p", { class: "wrong", text: source.error }) : null);
}

function times(source) {
  const at = source.committed_at ? words.time(source.committed_at) : "commit in progress";
  const basis = source.as_of === "row" ? "recency as of each row's own time" : source.as_of && `recency as of ${words.day(source.as_of)}`;
  return [at, basis].filter(Boolean).join(" · ");
}

function report(counts) {
  const reasons = Object.entries(counts.rejected_by_reason);
  return make("div", {},
    make("p", { class: "rows" },
      make("strong", { text: words.count(counts.counted) }), ` of ${words.rows(counts.rows)} counted`,
      counts.rejected ? ", " : "",
      counts.rejected ? make("strong", { class: "bad", text: `${words.count(counts.rejected)} rejected` }) : ", none rejected"),
    reasons.length ? make("ul", { class: "reasons" }, ...reasons.map(([reason, number]) =>
      make("li", { text: `${words.words(reason)}: ${words.count(number)}` },
        ...examples(counts.rejected_examples[reason] ?? [])))) : null);
}

function examples(rows) {
  return rows.map(({ row, value, object }) => make("span", { class: "example" },
    object ? named(object.split("/").at(-1)) : "", ` row ${words.count(row)}: `, named(value ?? "null")));
}
