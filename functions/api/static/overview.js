// The overview: a table of the chosen amount of every country and range of a segment.

import { address, keep, state } from "./address.js";
import { byId, make, named, show } from "./dom.js";
import * as words from "./words.js";

const place = byId("overview-table");
const count = byId("matches");
const filters = byId("filters");
let current = null;

/** Show the choices of a segment. */
export function showOverview(answer, segment) {
  current = { answer, segment };
  const { q = "", show: filter = "", sort = "" } = state();
  if (document.activeElement !== filters.q) filters.q.value = q;
  filters.show.value = filter;
  filters.sort.value = sort;
  draw();
}

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function draw() {
  const { answer, segment } = current;
  const { q = "", show: filter, sort } = state();
  const own = (country) => country.choices.filter((chosen) => chosen.segment_name === segment.segment_name);
  const unsure = (chosen) => chosen.verdict === "close" || chosen.verdict === "too_few_uses";
  const rows = answer.countries
    .map((country) => ({ ...country, choices: own(country) }))
    .filter((country) => plain(country.country).includes(plain(q)) && (filter !== "unsure" || country.choices.some(unsure)));
  if (sort === "uses") rows.sort((one, other) => other.uses - one.uses);
  const all = answer.countries.length;
  count.textContent = rows.length === all ? words.countries(all) : `${words.count(rows.length)} of ${words.countries(all)}`;
  if (rows.length) show(place, table(segment, rows));
  else show(place, make("p", { class: "state", text: "No country matches." }));
}

// The roles are repeated, because style sheets for phones lay the table out as a list, which would remove them.
function table({ attribute, ranges }, countries) {
  const head = ["Country", "Uses", ...ranges.map((interval) => words.range(attribute, interval))];
  return make("table", { class: "overview", role: "table" },
    make("caption", { class: "visually-hidden", text: `The most used voucher amount by country and ${words.title(attribute).toLowerCase()}` }),
    make("thead", { role: "rowgroup" },
      make("tr", { role: "row" }, ...head.map((text) => make("th", { scope: "col", role: "columnheader", text })))),
    make("tbody", { role: "rowgroup" }, ...countries.map((country) => row(country, attribute, ranges))));
}

function row({ country, uses, currency, choices, guards }, attribute, ranges) {
  const standard = choices.length === ranges.length
    && choices.every((chosen, n) => chosen.min_range === ranges[n].min_range && chosen.max_range === ranges[n].max_range);
  const labelled = (chosen) => make("li", {}, `${words.range(attribute, chosen)}: `, ...choice(chosen, guards, currency));
  return make("tr", { role: "row" },
    make("th", { scope: "row", role: "rowheader" },
      make("a", { href: address({ country }) }, named(country))),
    make("td", { role: "cell", class: "uses", text: words.count(uses), "data-range": "Uses" }),
    ...(standard
      ? choices.map((chosen) => make("td", { role: "cell", "data-range": words.range(attribute, chosen) }, ...choice(chosen, guards, currency)))
      : [make("td", { role: "cell", class: "own", colspan: ranges.length }, make("ul", {}, ...choices.map(labelled)))]));
}

function choice(each, guards, currency) {
  if (!each.sample_size) return [make("span", { class: "nothing", text: "no uses" })];
  if (!each.verdict) return [make("span", { class: "nothing", text: words.reason(each.reason, guards)[0] })];
  return [
    make("strong", { text: words.chosen(each.voucher_amount, each.amounts_left_out, currency) }),
    " ",
    make("span", { class: "sure" },
      `${words.percent(each.share)} `, make("span", { class: `verdict ${each.verdict}`, text: words.verdict(each.verdict)[0] })),
  ];
}

filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("input", () => {
  const { q, show: filter, sort } = Object.fromEntries(new FormData(filters));
  keep({ q, show: filter, sort });
  draw();
});
