// The uploads, newest first, in pages.

import { go, state } from "./address.js";
import * as api from "./api.js";
import { byId, fold, make, named, show, showFailure, showLoading } from "./dom.js";
import * as words from "./words.js";

const place = byId("sources");
const form = byId("follow");
const followed = byId("followed");
const covered = byId("window");
const MAX_REASONS = 3;
const MAX_REJECTED = 1000;
const SECONDS_BETWEEN_LOOKS = 1;
const MAX_LOOKS_AT_THE_SAME = 30;
const PREFIX = document.documentElement.dataset.prefix;
byId("upload-hint").textContent = `The name below ${PREFIX}, such as 2018/may.parquet`;
let awaited = null;
let shown = "";
let first = null;
let older = [];
let cursor = null;

const versionOf = (source) => `${source.source} ${source.committed_at}`;
const nameOf = ({ source }) => (source.startsWith(PREFIX) ? source.slice(PREFIX.length) : source);

/** Return the key of an upload, given its name, its key or its address in S3. */
export function keyOf(name) {
  const key = name.replace(/^s3:\/\/[^/]+\//, "").replace(/^\/+/, "");
  return key.startsWith(PREFIX) ? key : PREFIX + key;
}

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

/** Show what became of the upload with a name or key; nothing for an empty name. */
export async function follow(name = "") {
  if (document.activeElement !== form.upload) form.upload.value = name;
  const { text, source } = name ? await look(keyOf(name)) : { text: "" };
  if (text === shown) return;
  shown = text;
  show(followed, ...(text ? [make("p", { text }), ...(source?.report ? reasons(source, "followed") : [])] : []));
}

async function look(key) {
  try {
    const source = await api.source(key);
    const waits = awaited?.key === key && isOlder(source);
    if (source.commit_under_way) return { text: `${nameOf(source)} is being counted.` };
    if (waits) return { text: `${nameOf(source)} has been uploaded, and is being counted.` };
    if (awaited?.key === key) awaited = null;
    return { text: `${sentence(source)} ${words.time(source.committed_at)}`, source };
  } catch (error) {
    if (error.status !== 404) return { text: error.message };
    if (awaited?.key === key) return { text: `${nameOf({ source: key })} has been uploaded, and is being counted.` };
    return { text: `${key} has not been counted yet. This page looks for it every 10 seconds.` };
  }
}

/** Return whether a source is of an object before the awaited one. The same content may need no new commit. */
function isOlder({ etag, committed_at: committed }) {
  if (awaited.etag && etag !== awaited.etag) return true;
  return committed === awaited.before && (awaited.looks += 1) < MAX_LOOKS_AT_THE_SAME;
}

/**
 * Look for an upload of this page every second until it is counted, or another file is followed.
 *
 * `etag` is that of the object, and `before` the time of the last commit before it, if there was one.
 */
export async function waitFor(key, etag, before) {
  const wanted = { key, etag, before, looks: 0 };
  awaited = wanted;
  while (awaited === wanted) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * SECONDS_BETWEEN_LOOKS));
    if (keyOf(state().upload ?? "") !== key) awaited = awaited === wanted ? null : awaited;
    else if (!document.hidden) await follow(key);
  }
  dispatchEvent(new Event("counted"));
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

function report(source) {
  const { counted, rejected, rows } = source.report;
  return make("div", {},
    make("p", { class: "rows" },
      make("strong", { text: words.count(counted) }), ` of ${words.rows(rows)} counted`,
      rejected ? ", " : "",
      rejected ? make("strong", { class: "bad", text: `${words.count(rejected)} rejected` }) : ", none rejected"),
    ...reasons(source, "listed"));
}

/** Return why rows of a source were rejected, with examples and a download; `place` makes ids unique. */
function reasons(source, place) {
  const { rejected, rejected_by_reason: numbers, rejected_examples: found } = source.report;
  const lines = Object.entries(numbers).map(([reason, number]) =>
    make("li", { text: `${words.words(reason)}: ${words.count(number)}` }, ...examples(found[reason] ?? [])));
  const list = (part) => make("ul", { class: "reasons" }, ...part);
  return [
    lines.length ? list(lines.slice(0, MAX_REASONS)) : null,
    lines.length > MAX_REASONS
      ? fold(`reasons-${place}-${encodeURIComponent(source.source)}`, words.more(lines.length - MAX_REASONS), list(lines.slice(MAX_REASONS)))
      : null,
    source.rejected_object && !source.source.endsWith("/") ? download(source.source, rejected) : null,
  ].filter(Boolean);
}

function download(source, rejected) {
  const rows = rejected > MAX_REJECTED ? `the first ${words.count(MAX_REJECTED)} rejected rows` : "the rejected rows";
  const href = `v1/rejected?${new URLSearchParams({ source, format: "csv" })}`;
  return make("p", { class: "facts" }, make("a", { href, text: `CSV of ${rows}` }));
}

function examples(rows) {
  return rows.map(({ row, value, object }) => make("span", { class: "example" },
    object ? named(object.split("/").at(-1)) : "", ` row ${words.count(row)}: `, named(value ?? "null")));
}
