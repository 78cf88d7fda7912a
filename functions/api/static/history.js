// The uses of a country by the day on which their files were uploaded: a small chart, and its table.

import { fold, make, named } from "./dom.js";
import * as words from "./words.js";

const MAX_DAYS = 30;

/** Return the chart of a country, with its table; null if no file has uses of it. */
export function chart({ country, days, incomplete }) {
  if (!days.length) return null;
  const shown = days.slice(-MAX_DAYS);
  const highest = Math.max(...shown.map((day) => day.uses));
  const left = days.length - shown.length;
  const bars = shown.map(({ uses }) => {
    const bar = make("span", { class: "day" });
    bar.style.blockSize = `${Math.max(4, (100 * uses) / highest)}%`;
    return bar;
  });
  const [first, last] = [shown[0], shown.at(-1)].map((day) => words.shortDay(day.uploaded_on));
  return make("figure", { class: "history" },
    make("figcaption", {}, named(country), ": uses by upload date", incomplete || left ? ", the latest files" : ""),
    make("div", { class: "days", "aria-hidden": "true" }, make("span", { class: "highest", text: words.count(highest) }), ...bars),
    make("div", { class: "dates", "aria-hidden": "true" }, make("span", { text: first }), first === last ? "" : make("span", { text: last })),
    fold(`history-${encodeURIComponent(country)}`, "As a table", table(country, shown)));
}

const table = (country, days) => make("table", { class: "overview plain" },
  make("caption", { class: "visually-hidden", text: `Uses in ${country} by upload date` }),
  make("thead", {}, make("tr", {}, ...["Upload date", "Uses", "Files"].map((text) => make("th", { scope: "col", text })))),
  make("tbody", {}, ...days.map(({ uploaded_on: date, uses, sources }) => make("tr", {},
    make("th", { scope: "row", text: words.day(date) }),
    make("td", { text: words.count(uses) }),
    make("td", { text: words.count(sources) })))));
