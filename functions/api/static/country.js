// The amounts that customers of one country, or of two side by side, used: a chart for each range of a segment.

import { bar, fold, make, named } from "./dom.js";
import * as words from "./words.js";

const MAX_SHOWN = 5;

/** Return the size and the age of the counts of some countries. */
export const facts = (answers) => answers.map((answer) => make("p", { class: "facts" },
  named(answer.country),
  `: ${words.uses(answer.uses)}${answer.updated_at ? `, last changed ${words.time(answer.updated_at)}` : ""}`));

/** Return the charts of the segment `name` of some countries. */
export function charts(answers, name) {
  const found = answers.map(({ country, currency, guards, segments }) =>
    ({ country, currency, guards, ...segments.find((segment) => segment.segment_name === name) }));
  const bounds = new Map(found.flatMap(({ ranges }) => ranges.map((interval) => [`${interval.min_range}-${interval.max_range}`, interval])));
  const ascending = [...bounds.values()].sort((one, other) => one.min_range - other.min_range || one.max_range - other.max_range);
  return [
    ...found.filter(({ unsegmented }) => unsegmented).map(({ country, unsegmented }) => make("p", { class: "facts" },
      named(country), `: ${words.uses(unsegmented)} in no range`)),
    ...ascending.map((interval) => range(found, interval)),
  ];
}

function range(found, { min_range: min, max_range: max }) {
  const counts = found.map((of) => ({ ...of, counts: of.ranges.find((interval) => interval.min_range === min && interval.max_range === max) }));
  const { attribute } = found[0];
  const empty = counts.every((of) => !of.counts?.sample_size);
  return make("section", { class: empty ? "range empty" : "range", "aria-label": words.range(attribute, { min_range: min, max_range: max }) },
    make("h3", { text: words.range(attribute, { min_range: min, max_range: max }) }),
    make("div", { class: "sides" }, ...counts.map((of) => side(found.length > 1 ? of.country : null, of))));
}

function side(title, { country, currency, counts, guards }) {
  const about = !counts ? "Not a range of this country" : counts.sample_size ? words.uses(counts.sample_size) : "No uses";
  const guarded = guards && counts?.sample_size ? words.reason(counts.reason, guards)[0] : null;
  const sure = counts?.verdict ? judged(counts.verdict) : guarded;
  return make("div", { class: "side" },
    title ? make("h4", {}, named(title)) : null,
    make("p", { class: "facts" }, about, ...(sure ? [" · ", sure] : [])),
    counts?.sample_size ? amounts(counts, currency, `more-${encodeURIComponent(country)}-${counts.min_range}-${counts.max_range}`) : null);
}

/** Return a verdict as a word. */
export const judged = (name) => make("strong", { class: `verdict ${name}`, text: words.verdict(name)[1] });

function amounts(counts, currency, id) {
  const chosen = new Set(counts.voucher_amount);
  const line = (used) => amount(used, currency, chosen.has(used.voucher_amount), counts.verdict);
  return make("div", {},
    make("ul", { class: "amounts" }, ...counts.amounts.slice(0, MAX_SHOWN).map(line)),
    folded(id, counts.amounts.slice(MAX_SHOWN), counts.amounts_left_out, counts, line),
    counts.without_voucher ? make("ul", { class: "amounts" }, without(counts)) : null);
}

/** Return a list of further amounts that opens, or null; `leftOut` is the number of amounts that no list has. */
export function folded(id, others, leftOut, { sample_size: size, without_voucher: none, amounts: listed }, line) {
  if (!others.length && !leftOut) return null;
  const shown = listed.slice(0, listed.length - others.length).reduce((sum, amount) => sum + amount.count, 0);
  return fold(id, words.more(others.length + leftOut, (size - none - shown) / size),
    make("ul", { class: "amounts" }, ...others.map(line)),
    leftOut ? make("p", { class: "facts", text: words.more(leftOut) }) : null);
}

function amount(used, currency, isChosen, verdict) {
  return make("li", { class: isChosen ? "chosen" : "" },
    make("span", { class: "amount" },
      make("span", { class: isChosen ? `ticket ${verdict}` : "", text: words.amount(used.voucher_amount, currency) }),
      isChosen ? make("span", { class: "visually-hidden", text: " chosen" }) : null,
      excluded(used)),
    bar(used.share, used.interval),
    figures(used.share, used.count));
}

/** Return a note at an amount that may not be chosen, or null. */
export const excluded = (used) => (used.allowed === false ? make("span", { class: "facts", text: "not allowed" }) : null);

function without(counts) {
  const share = counts.without_voucher / counts.sample_size;
  return make("li", { class: "without" },
    make("span", { class: "amount", text: "no voucher used" }),
    bar(share),
    figures(share, counts.without_voucher));
}

/** Return a share and a count. */
export const figures = (share, count) => make("span", { class: "figures" },
  make("span", { class: "share", text: words.percent(share) }), " ",
  make("span", { class: "count", text: words.count(count) }),
  make("span", { class: "visually-hidden", text: count === 1 ? " use" : " uses" }));
