// The page: an overview of all countries, or one country, or two side by side, as the address says.

import { address, go, state } from "./address.js";
import * as api from "./api.js";
import { charts, facts } from "./country.js";
import { setCountries } from "./customer.js";
import { byId, make, options, show, showFailure, showLoading } from "./dom.js";
import { chart } from "./history.js";
import { showOverview } from "./overview.js";
import "./send.js";
import * as uploads from "./uploads.js";
import * as words from "./words.js";

const SECONDS_BETWEEN_POLLS = 10;
// The counts may come from a cache, and are read again after some polls even if no upload was committed.
const POLLS_BETWEEN_READS = 6;

const picker = byId("country");
const other = byId("with");
const tabs = byId("tabs");
const views = { overview: byId("overview"), country: byId("one"), nothing: byId("nothing") };
const notice = byId("notice");
const status = byId("status");
const skip = byId("skip");
let latest = 0;
let shown = [];
let place = null;

/** Show what the address says. A quiet call shows nothing if nothing has changed, and no error. */
async function render({ quiet = false } = {}) {
  const request = (latest += 1);
  const { country, with: compared } = state();
  if (!quiet) {
    place = placeOf(state());
    shown = [];
    showView("nothing");
    showLoading(views.nothing, 6);
    show(notice);
  }
  try {
    const unknown = [];
    const [choices, ...found] = await Promise.all([
      api.choices(),
      ...[country, country && compared].filter(Boolean).map((name) => known(name, unknown)),
    ]);
    if (request !== latest) return;
    const answers = found.filter((answer, n) => answer && (n === 0 || answer.country !== found[0]?.country));
    const parts = [choices, ...answers];
    if (quiet && parts.length === shown.length && parts.every((part, n) => part === shown[n])) return;
    shown = parts;
    if (unknown.length) show(notice, unknownNotice(unknown));
    draw();
  } catch (error) {
    if (quiet) throw error;
    if (request !== latest) return;
    showView("nothing");
    showFailure(views.nothing, error, () => render());
  }
}

/** Show the counts that were read last, as the address says. */
function draw() {
  const [choices, ...answers] = shown;
  fill(choices, answers);
  if (answers.length) showCountries(answers);
  else showChoices(choices);
}

/** Show what the address says, from the counts that were read last if they are of its countries. */
function changed() {
  uploads.follow(state().upload);
  if (shown.length && placeOf(state()) === place) draw();
  else render();
}

const placeOf = ({ country = "", with: compared = "" }) => JSON.stringify([country, country && compared]);

/** Return the segments of a country, or null after adding it to `unknown`. */
async function known(country, unknown) {
  try {
    return await api.segments(country);
  } catch (error) {
    if (error.status !== 404) throw error;
    unknown.push(country);
    return null;
  }
}

const unknownNotice = (names) => make("p", { class: "state" }, make("span", {},
  "Nothing has been counted for ", ...names.flatMap((name, n) => [n ? " and " : "", make("bdi", {}, make("q", { text: name }))]),
  ". Check the spelling, or choose one of the countries of the list."));

/** Set the options of the page's selects, and the tabs. */
function fill(choices, answers) {
  const names = choices.countries.map((country) => country.country);
  const [one = "", two = ""] = answers.map((answer) => answer.country);
  const listed = new Set([...names, ...answers.map((answer) => answer.country)]);
  picker.replaceChildren(...options([["", names.length ? "All countries" : "None yet"], ...[...listed].map((name) => [name, name])]));
  picker.value = one;
  picker.disabled = !listed.size;
  other.replaceChildren(...options([["", "No other country"], ...[...listed].filter((name) => name !== one).map((name) => [name, name])]));
  other.value = two;
  const current = segmentOf(choices.segments).segment_name;
  show(tabs, ...choices.segments.map((segment) => {
    const id = `tab-${segment.segment_name}`;
    return make("span", {},
      make("input", { type: "radio", name: "segment", id, value: segment.segment_name, checked: segment.segment_name === current }),
      make("label", { for: id, text: words.title(segment.attribute) }));
  }));
}

const segmentOf = (segments) => segments.find((segment) => segment.segment_name === state().segment) ?? segments[0];

function showView(name) {
  show(views.nothing);
  for (const [key, view] of Object.entries(views)) view.hidden = key !== name;
  byId("which").hidden = name !== "country";
  skip.textContent = name === "country" ? "Skip to the form" : "Skip to the content";
  byId("controls").hidden = byId("key").hidden = name === "nothing";
}

function showChoices(choices) {
  if (!choices.countries.length) {
    showView("nothing");
    show(views.nothing, make("div", { class: "state" },
      make("p", { text: "Nothing has been counted yet." }),
      make("p", { class: "facts", text: "Upload a file of voucher uses, and its countries appear here." })));
    return;
  }
  showView("overview");
  document.title = "Voucher Selector";
  showOverview(choices, segmentOf(choices.segments));
}

function showCountries(answers) {
  showView("country");
  const { segment_name: name } = segmentOf(answers[0].segments);
  const titles = answers.map((answer) => answer.country);
  document.title = `${titles.join(", ")} – Voucher Selector`;
  byId("one-title").replaceChildren(...titles.flatMap((title, n) => [n ? " and " : "", make("bdi", { text: title })]));
  byId("back").href = address({ country: "", with: "" });
  show(byId("facts"), ...facts(answers));
  show(byId("downloads"), ...titles.map((country) => make("a", {
    href: `v1/counts?${new URLSearchParams({ country, segment: name, format: "csv" })}`,
    text: titles.length > 1 ? `CSV of ${country}` : "CSV" })));
  show(byId("segments"), ...charts(answers, name));
  setCountries(answers, name);
  showHistory(titles);
}

/** Show when the uses of countries were uploaded; the page works without it. */
async function showHistory(countries) {
  const request = latest;
  const found = await Promise.all(countries.map(api.history)).catch(() => []);
  if (request === latest) show(byId("history"), ...found.map(chart).filter(Boolean));
}

/** Read the uploads again, and the counts if an upload was committed; not while the page is hidden. */
async function poll(number) {
  if (document.hidden) return;
  try {
    uploads.follow(state().upload);
    const news = await uploads.load();
    if (news.length || number % POLLS_BETWEEN_READS === 0) await render({ quiet: true });
    if (news.length) status.textContent = news.join(" ");
    else if (status.dataset.failed) status.textContent = "";
    delete status.dataset.failed;
  } catch (error) {
    status.dataset.failed = "yes";
    status.textContent = `Not up to date. ${error.message}`;
  }
}

picker.addEventListener("change", () => go({ country: picker.value, with: picker.value === state().with ? "" : state().with }));
other.addEventListener("change", () => go({ with: other.value }));
tabs.addEventListener("change", (event) => go({ segment: event.target.value }));
skip.addEventListener("click", (event) => {
  event.preventDefault();
  byId(byId("which").hidden ? "content" : "which").focus();
});
addEventListener("hashchange", changed);
addEventListener("counted", () => poll(0));
document.addEventListener("visibilitychange", () => poll(0));

render();
uploads.load();
uploads.follow(state().upload);
let polls = 0;
setInterval(() => poll((polls += 1)), 1000 * SECONDS_BETWEEN_POLLS);
