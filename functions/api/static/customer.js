// The form that asks for one customer, and the answer with its reasons.

import * as api from "./api.js";
import { bar, byId, make, named, show, showFailure } from "./dom.js";
import * as words from "./words.js";

const form = byId("customer");
const place = byId("answer");
let attributes = new Map();
let asked = 0;

/** Let the form ask for customers of a country with these segments; null where there is none to ask for. */
export function offer(country, segments) {
  asked += 1;
  form.dataset.country = country ?? "";
  form.querySelector("button").disabled = country === null;
  show(place);
  const kept = form.segment_name.value;
  attributes = new Map(segments.map((each) => [each.segment_name, each.attribute]));
  form.segment_name.replaceChildren(
    ...segments.map((each) => make("option", { value: each.segment_name, text: words.title(each.attribute) })));
  if (attributes.has(kept)) form.segment_name.value = kept;
  fit();
}

/** Show the fields that the segment goes by, and no other. */
function fit() {
  const attribute = attributes.get(form.segment_name.value) ?? "days_since_last_order";
  for (const field of form.querySelectorAll("[data-attribute]")) {
    field.hidden = !field.dataset.attribute.split(" ").includes(attribute);
    field.querySelector("input").disabled = field.hidden;
  }
  forgive();
}

function forgive() {
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const said of form.querySelectorAll(".wrong")) said.textContent = "";
}

async function ask(event) {
  event.preventDefault();
  forgive();
  const mine = (asked += 1);
  const { as_of: asOf, ...customer } = Object.fromEntries(new FormData(form));
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await api.select({ country_code: form.dataset.country, ...customer }, asOf);
    if (mine === asked) show(place, ...told(answer));
  } catch (error) {
    if (mine === asked) refuse(error);
  }
}

function refuse(error) {
  const input = error.field && form.elements[error.field];
  const said = input && byId(`${input.id}-wrong`);
  if (!said || input.disabled) {
    showFailure(place, error, null);
    return;
  }
  show(place);
  said.textContent = error.message;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

function told(answer) {
  return [
    make("div", { class: "tickets" }, ...tickets(answer.voucher_amount)),
    make("p", { class: "why" }, ...why(answer)),
    ...(answer.alternatives.length ? [alternatives(answer)] : []),
  ];
}

function tickets(amounts) {
  if (!amounts.length) return [make("p", { class: "none", text: "No voucher" })];
  return amounts.map((each) => make("p", { class: "ticket large", text: words.amount(each) }));
}

function why(answer) {
  const attribute = attributes.get(answer.segment_name);
  const held = answer.min_range === null ? null : words.range(attribute, answer);
  if (answer.fallback) return [...missing(answer, held), " Taken from the whole of ", named(answer.country), ": ", ...evidence(answer)];
  if (answer.reason !== "most_used") return missing(answer, held);
  return [`${sorted(answer)} falls into ${held}. There, in `, named(answer.country), ", ", ...evidence(answer)];
}

function missing(answer, held) {
  if (answer.reason === "no_range") return [`${sorted(answer)} is in no range.`];
  return [`${sorted(answer)} falls into ${held}, where in `, named(answer.country), " nobody used a voucher."];
}

function sorted(answer) {
  if (answer.days_since_last_order !== null) return `A last order ${plural(answer.days_since_last_order, "day")} ago`;
  if (answer.days_since_first_order !== null) return `A first order ${plural(answer.days_since_first_order, "day")} ago`;
  if (answer.total_orders !== null) return `A customer with ${plural(answer.total_orders, "order")}`;
  return "This customer";
}

const plural = (number, one) => `${words.amount(number)} ${number === 1 ? one : `${one}s`}`;

function evidence(answer) {
  if (answer.count === null) return ["there is no answer either."];
  const { low, high } = answer.interval;
  const each = answer.voucher_amount.length > 1 ? " each" : "";
  const bare = answer.without_voucher ? ` ${words.count(answer.without_voucher)} were without a voucher.` : "";
  return [
    make("strong", { text: `${words.count(answer.count)} of ${words.uses(answer.sample_size)}` }),
    ` were of this amount${each}: ${words.percent(answer.share)}, with 95% confidence between ${words.percent(low)} and ${words.percent(high)}.${bare}`,
  ];
}

function alternatives(answer) {
  const more = answer.alternatives_left_out;
  return make("div", {},
    make("h3", { text: "Less used" }),
    make("ul", { class: "amounts" }, ...answer.alternatives.map((used) => make("li", {},
      make("span", { class: "amount", text: words.amount(used.voucher_amount) }),
      bar(used.share, used.interval),
      make("span", { class: "figures" },
        make("span", { class: "share", text: words.percent(used.share) }), " ",
        make("span", { class: "count", text: words.count(used.count) }))))),
    more ? make("p", { class: "facts", text: `and ${words.count(more)} more` }) : null);
}

form.addEventListener("submit", ask);
form.segment_name.addEventListener("change", () => { fit(); show(place); });
