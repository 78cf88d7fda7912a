// What each range of each segment uses: a picture per range.

import { bar, make, named } from "./dom.js";
import * as words from "./words.js";

const KEY = "A ticket marks the amount that is chosen: the most used one. Orders without a voucher count as uses and are "
  + "never chosen. Where few uses leave a share uncertain, a fine mark spans where it lies with 95% confidence.";

/** Return the sections of a country's segments. */
export const pictures = (answer) => [...answer.segments.map(segment), make("p", { class: "facts key", text: KEY })];

/** Return the facts of a country in one line. */
export const facts = (answer) => [
  named(answer.country),
  `: ${words.uses(answer.uses)}`,
  ...(answer.updated_at ? [`, last changed ${words.time(answer.updated_at)}`] : []),
];

function segment(told) {
  const id = `segment-${told.segment_name}`;
  const outside = told.unsegmented ? `, ${words.count(told.unsegmented)} more in no range` : "";
  return make("section", { class: "segment", "aria-labelledby": id },
    make("div", { class: "segment-title" },
      make("h3", { id, text: words.title(told.attribute) }),
      make("p", { class: "facts", text: `${words.uses(told.sample_size)}${outside}` })),
    ...told.ranges.map((held) => range(told.attribute, held)));
}

function range(attribute, held) {
  const empty = held.sample_size === 0;
  return make("div", { class: empty ? "range empty" : "range" },
    make("div", { class: "range-title" },
      make("h4", { text: words.range(attribute, held) }),
      make("p", { class: "facts", text: empty ? "No uses, nothing to choose" : words.uses(held.sample_size) })),
    empty ? null : amounts(held));
}

function amounts(held) {
  const chosen = new Set(held.voucher_amount);
  const list = make("ul", { class: "amounts" }, ...held.amounts.map((used) => line(used, chosen)));
  if (held.without_voucher) list.append(without(held));
  return list;
}

function line(used, chosen) {
  const is = chosen.has(used.voucher_amount);
  return make("li", { class: is ? "chosen" : "" },
    make("span", { class: "amount" },
      make("span", { class: is ? "ticket" : "", text: words.amount(used.voucher_amount) }),
      is ? make("span", { class: "unseen", text: " chosen" }) : null),
    bar(used.share, used.interval),
    figures(used.share, used.count));
}

function without(held) {
  const share = held.without_voucher / held.sample_size;
  return make("li", { class: "without" },
    make("span", { class: "amount", text: "no voucher used" }),
    bar(share),
    figures(share, held.without_voucher));
}

const figures = (share, count) => make("span", { class: "figures" },
  make("span", { class: "share", text: words.percent(share) }), " ",
  make("span", { class: "count", text: words.count(count) }),
  make("span", { class: "unseen", text: count === 1 ? " use" : " uses" }));
