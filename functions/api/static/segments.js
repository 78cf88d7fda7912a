// The amounts that customers used: a chart for each range of each segment.

import { bar, make, named } from "./dom.js";
import * as words from "./words.js";

const KEY = "A ticket marks the chosen amount, which is the most used one. Uses without a voucher are counted but never "
  + "chosen. A thin line shows the 95% confidence interval of a share, if it is at least 2 percentage points wide.";

/** Return the charts of a country's segments. */
export const charts = (answer) => [...answer.segments.map(segment), make("p", { class: "facts key", text: KEY })];

/** Return the size and the age of a country's counts. */
export const facts = (answer) => [
  named(answer.country),
  `: ${words.uses(answer.uses)}`,
  ...(answer.updated_at ? [`, last changed ${words.time(answer.updated_at)}`] : []),
];

function segment(counts) {
  const id = `segment-${counts.segment_name}`;
  const outside = counts.unsegmented ? `, ${words.count(counts.unsegmented)} in no range` : "";
  return make("section", { class: "segment", "aria-labelledby": id },
    make("div", { class: "segment-title" },
      make("h3", { id, text: words.title(counts.attribute) }),
      make("p", { class: "facts", text: `${words.uses(counts.sample_size)}${outside}` })),
    ...counts.ranges.map((each) => range(counts.attribute, each)));
}

function range(attribute, counts) {
  const empty = counts.sample_size === 0;
  return make("div", { class: empty ? "range empty" : "range" },
    make("div", { class: "range-title" },
      make("h4", { text: words.range(attribute, counts) }),
      make("p", { class: "facts", text: empty ? "No uses" : words.uses(counts.sample_size) })),
    empty ? null : amounts(counts));
}

function amounts(counts) {
  const chosen = new Set(counts.voucher_amount);
  const list = make("ul", { class: "amounts" }, ...counts.amounts.map((used) => line(used, chosen)));
  if (counts.amounts_left_out) list.append(make("li", { class: "facts", text: words.more(counts.amounts_left_out) }));
  if (counts.without_voucher) list.append(without(counts));
  return list;
}

function line(used, chosen) {
  const isChosen = chosen.has(used.voucher_amount);
  return make("li", { class: isChosen ? "chosen" : "" },
    make("span", { class: "amount" },
      make("span", { class: isChosen ? "ticket" : "", text: words.amount(used.voucher_amount) }),
      isChosen ? make("span", { class: "visually-hidden", text: " chosen" }) : null),
    bar(used.share, used.interval),
    figures(used.share, used.count));
}

function without(counts) {
  const share = counts.without_voucher / counts.sample_size;
  return make("li", { class: "without" },
    make("span", { class: "amount", text: "no voucher used" }),
    bar(share),
    figures(share, counts.without_voucher));
}

const figures = (share, count) => make("span", { class: "figures" },
  make("span", { class: "share", text: words.percent(share) }), " ",
  make("span", { class: "count", text: words.count(count) }),
  make("span", { class: "visually-hidden", text: count === 1 ? " use" : " uses" }));
