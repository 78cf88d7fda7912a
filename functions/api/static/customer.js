// The form for one customer, and the answer with its reasons.

import * as api from "./api.js";
import { bar, byId, make, named, show, showFailure } from "./dom.js";
import * as words from "./words.js";

const form = byId("customer");
const output = byId("answer");
let attributes = new Map();
let latest = 0;

/** Set the country and the segments of the form; null disables it. */
export function setCountry(country, segments) {
  latest += 1;
  form.dataset.country = country ?? "";
  form.querySelector("button").disabled = country === null;
  show(output);
  const previous = form.segment_name.value;
  attributes = new Map(segments.map((each) => [each.segment_name, each.attribute]));
  form.segment_name.replaceChildren(
    ...segments.map((each) => make("option", { value: each.segment_name, text: words.title(each.attribute) })));
  if (attributes.has(previous)) form.segment_name.value = previous;
  showFields();
}

/** Show the fields that the segment requires, and hide the others. */
function showFields() {
  const attribute = attributes.get(form.segment_name.value) ?? "days_since_last_order";
  for (const field of form.querySelectorAll("[data-attribute]")) {
    field.hidden = !field.dataset.attribute.split(" ").includes(attribute);
    field.querySelector("input").disabled = field.hidden;
  }
  clearErrors();
}

function clearErrors() {
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const message of form.querySelectorAll(".wrong")) message.textContent = "";
}

async function submit(event) {
  event.preventDefault();
  clearErrors();
  const request = (latest += 1);
  const { as_of: asOf, ...customer } = Object.fromEntries(new FormData(form));
  output.setAttribute("aria-busy", "true");
  try {
    const answer = await api.select({ country_code: form.dataset.country, ...customer }, asOf);
    if (request === latest) show(output, ...describe(answer));
  } catch (error) {
    if (request === latest) showError(error);
  }
}

function showError(error) {
  const input = error.field && form.elements[error.field];
  const message = input && byId(`${input.id}-wrong`);
  if (!message || input.disabled) {
    showFailure(output, error, null);
    return;
  }
  show(output);
  message.textContent = error.message;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

function describe(answer) {
  return [
    make("div", { class: "tickets" }, ...tickets(answer.voucher_amount)),
    ...(answer.amounts_left_out ? [make("p", { class: "facts", text: words.more(answer.amounts_left_out) })] : []),
    make("p", { class: "why" }, ...reasons(answer)),
    ...(answer.alternatives.length ? [alternatives(answer)] : []),
  ];
}

function tickets(amounts) {
  if (!amounts.length) return [make("p", { class: "none", text: "No voucher" })];
  return amounts.map((each) => make("p", { class: "ticket large", text: words.amount(each) }));
}

function reasons(answer) {
  const attribute = attributes.get(answer.segment_name);
  const range = answer.min_range === null ? null : words.range(attribute, answer);
  if (answer.fallback) return [...noVoucher(answer, range), " In all ranges of ", named(answer.country), ", ", ...evidence(answer)];
  if (answer.reason !== "most_used") return noVoucher(answer, range);
  return [`${customerOf(answer)} is in the range ${range}. In that range, in `, named(answer.country), ", ", ...evidence(answer)];
}

function noVoucher(answer, range) {
  if (answer.reason === "no_range") return [`${customerOf(answer)} is in no range.`];
  return [`${customerOf(answer)} is in the range ${range}. In that range, in `, named(answer.country), ", nobody used a voucher."];
}

function customerOf(answer) {
  if (answer.days_since_last_order !== null) return `A customer whose last order was ${plural(answer.days_since_last_order, "day")} ago`;
  if (answer.days_since_first_order !== null) return `A customer whose first order was ${plural(answer.days_since_first_order, "day")} ago`;
  if (answer.total_orders !== null) return `A customer with ${plural(answer.total_orders, "order")}`;
  return "This customer";
}

const plural = (number, one) => `${words.amount(number)} ${number === 1 ? one : `${one}s`}`;

function evidence(answer) {
  if (answer.count === null) return ["nobody used a voucher."];
  const { low, high } = answer.interval;
  const suffix = answer.voucher_amount.length > 1 ? " each" : "";
  const without = answer.without_voucher ? ` Uses without a voucher: ${words.count(answer.without_voucher)}.` : "";
  return [
    make("strong", { text: `${words.count(answer.count)} of ${words.uses(answer.sample_size)}` }),
    ` were of this amount${suffix}: ${words.percent(answer.share)}, with 95% confidence between ${words.percent(low)} and ${words.percent(high)}.${without}`,
  ];
}

function alternatives(answer) {
  const more = answer.alternatives_left_out;
  return make("div", {},
    make("h3", { text: "Other amounts" }),
    make("ul", { class: "amounts" }, ...answer.alternatives.map((used) => make("li", {},
      make("span", { class: "amount", text: words.amount(used.voucher_amount) }),
      bar(used.share, used.interval),
      make("span", { class: "figures" },
        make("span", { class: "share", text: words.percent(used.share) }), " ",
        make("span", { class: "count", text: words.count(used.count) }))))),
    more ? make("p", { class: "facts", text: `and ${words.count(more)} more` }) : null);
}

form.addEventListener("submit", submit);
form.segment_name.addEventListener("change", () => { showFields(); show(output); });
