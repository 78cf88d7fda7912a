// The uploads, newest first, in pages.

import { go } from "./address.js";
import * as api from "./api.js";
import { byId, fold, make, named, show, showFailure, showLoading } from "./dom.js";
import * as words from "./words.js";

const place = byId("sources");
const form = byId("follow");
const followed = byId("followed");
const covered = byId("window");
const MAX_REASONS = 3;
let first = null;
let older = [];
let cursor = null;

const versionOf = (source) => `${source.source} ${source.committed_at}`;
const nameOf = (source) => source.source.replace(/^vouchers\//, "");

/** Show the first page, and again what changed; return sentences on the uploads that are new. */
export async function load() {
  if (!first) showLoading(place, 3);
  try {
    const page = await api.sources(null);
    if (page === first) return [];
    const before = first && new Set([...first.sources, ...older].map(versionOf));
    const added = before ? page.sources.filter((source) => !before.has(versionOf(source))) : [];
    first = page;
    if (!older.length) cursor = page.next_cursor;
    draw(new Set(added));
    return added.map(sentence);
  } catch (error) {
    if (first) throw error;
    showFailure(place, error, load);
    return [];
  }
}

/** Show what became of the upload with a name below vouchers/; nothing for an empty name. */
export async function follow(name = "") {
  if (document.activeElement !== form.upload) form.upload.value = name;
  const text = name && (await describe(name.replace(/^(s3:\/\/[^/]+\/)?(vouchers\/)?/, "vouchers/")));
  if (followed.textContent !== text) show(followed, ...(text ? [make("p", { text })] : []));
}

async function describe(key) {
  try {
    const source = await api.source(key);
    if (source.commit_under_way) return `${nameOf(source)} is being counted.`;
    return `${sentence(source)} ${words.time(source.committed_at)}`;
  } catch (error) {
    if (error.status !== 404) return error.message;
    return `${key} has not been counted yet. This page looks for it every 10 seconds.`;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  go({ upload: form.upload.value.trim() });
});

function sentence(source) {
  const { report, status } = source;
  if (status === "counted" && report) return `${nameOf(source)}: ${words.count(report.counted)} of ${words.rows(report.rows)} counted.`;
  return source.error ?? `${nameOf(source)}: ${status}.`;
}

function draw(added = new Set()) {
  const keys = new Set(first.sources.map((source) => source.source));
  const sources = [...first.sources, ...older.filter((source) => !keys.has(source.source))];
  if (!sources.length) {
    show(place, make("p", { class: "state", text: "Nothing has been uploaded yet." }));
    return;
  }
  const list = make("ol", { class: "sources" }, ...sources.map((source) => item(source, added.has(source))));
  show(place, list, ...(cursor ? [moreButton()] : []));
  covered.textContent = "Newest first";
  if (!first.window) return;
  const [from, to] = [first.window.oldest_upload, first.window.newest_upload].map(words.day);
  covered.textContent += `. The counts cover uploads of ${from === to ? from : `${from} to ${to}`}`;
}

function moreButton() {
  const message = make("p", { class: "wrong", role: "alert" });
  const button = make("button", { type: "button", class: "plain", text: "Show older uploads" });
  button.onclick = async () => {
    button.disabled = true;
    try {
      const page = await api.sources(cursor);
      const before = place.querySelectorAll(".sources > li").length;
      older = [...older, ...page.sources];
      cursor = page.next_cursor;
      draw();
      place.querySelectorAll(".sources > li")[before]?.focus();
    } catch (error) {
      message.textContent = error.message;
      button.disabled = false;
    }
  };
  return make("div", { class: "more" }, button, message);
}

function item(source, isNew) {
  return make("li", { class: `${source.status}${isNew ? " new" : ""}`, tabindex: "-1" },
    make("div", { class: "source-title" },
      make("h3", {}, named(nameOf(source))),
      make("span", { class: `status ${source.status}`, text: isNew ? `new: ${source.status}` : source.status })),
    make("p", { class: "facts", text: times(source) }),
    source.report ? report(source) : null,
    source.error ? make("p", { class: "wrong", text: source.error }) : null);
}

function times(source) {
  const basis = source.as_of === "row" ? "recency as of each row's own time" : source.as_of && `recency as of ${words.day(source.as_of)}`;
  return [words.time(source.committed_at), basis].filter(Boolean).join(" · ");
}

function report({ source, report: counts }) {
  const reasons = Object.entries(counts.rejected_by_reason).map(([reason, number]) =>
    make("li", { text: `${words.words(reason)}: ${words.count(number)}` }, ...examples(counts.rejected_examples[reason] ?? [])));
  return make("div", {},
    make("p", { class: "rows" },
      make("strong", { text: words.count(counts.counted) }), ` of ${words.rows(counts.rows)} counted`,
      counts.rejected ? ", " : "",
      counts.rejected ? make("strong", { class: "bad", text: `${words.count(counts.rejected)} rejected` }) : ", none rejected"),
    reasons.length ? make("ul", { class: "reasons" }, ...reasons.slice(0, MAX_REASONS)) : null,
    reasons.length > MAX_REASONS
      ? fold(`reasons-${encodeURIComponent(source)}`, words.more(reasons.length - MAX_REASONS), make("ul", { class: "reasons" }, ...reasons.slice(MAX_REASONS)))
      : null);
}

function examples(rows) {
  return rows.map(({ row, value, object }) => make("span", { class: "example" },
    object ? named(object.split("/").at(-1)) : "", ` row ${words.count(row)}: `, named(value ?? "null")));
}
