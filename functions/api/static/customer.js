// The form for one customer, and the answers with their reasons.

import { go, keep, state } from "./address.js";
import * as api from "./api.js";
import { excluded, folded, figures, judged } from "./country.js";
import { bar, byId, make, named, options, show, showFailure } from "./dom.js";
import * as words from "./words.js";

const MAX_SHOWN = 5;
const form = byId("customer");
const output = byId("answer");
const fields = [...form.querySelectorAll("[data-attribute] input")];
let shown = [];
let filled = null;
let latest = 0;

/** Set the countries of the form and their segments; if the address has a customer, show the answers. */
export function setCountries(answers, segment) {
  shown = answers;
  form.segment_name.replaceChildren(
    ...options(answers[0].segments.map((segment) => [segment.segment_name, words.title(segment.attribute)])));
  form.segment_name.value = segment;
  for (const field of form.querySelectorAll("[data-attribute]")) {
    field.hidden = !field.dataset.attribute.split(" ").includes(attribute());
    field.querySelector("input").disabled = field.hidden;
  }
  if (filled === location.hash) {
    if (output.querySelector(".answered")) ask();
    return;
  }
  filled = location.hash;
  const given = state();
  for (const input of fields) if (given[input.name]) input.value = given[input.name];
  if (given.fallback) form.fallback.checked = true;
  const required = fields.filter((input) => input.required && !input.disabled);
  const unread = fields.find((input) => !input.disabled && given[input.name] && !input.value);
  if (required.every((input) => given[input.name]) && !unread) ask();
  else clear();
  if (unread) showWrong(unread, `${label(unread)}: “${given[unread.name]}” in the address cannot be read.`);
}

const segmentIn = (answer) => answer.segments.find((segment) => segment.segment_name === form.segment_name.value);
const attribute = () => segmentIn(shown[0]).attribute;
const label = (input) => input.labels[0].firstChild.textContent.trim();

/** Remove an answer that is not of what the form shows, and the errors. */
function clear() {
  latest += 1;
  show(output);
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const message of form.querySelectorAll(".wrong")) message.textContent = "";
}

function submit(event) {
  event.preventDefault();
  clear();
  const wrong = fields.find((input) => !input.disabled && !input.checkValidity());
  if (wrong) {
    const missing = wrong.validity.valueMissing && !wrong.validity.badInput;
    showWrong(wrong, missing ? `${label(wrong)} is missing.` : `${label(wrong)}: ${wrong.validationMessage}`);
    return;
  }
  const given = Object.fromEntries(fields.map((input) => [input.name, input.disabled ? "" : input.value]));
  filled = null;
  go({ ...given, fallback: form.fallback.checked ? "country" : "" });
}

async function ask() {
  const request = (latest += 1);
  const { as_of: asOf, ...customer } = Object.fromEntries(new FormData(form));
  output.setAttribute("aria-busy", "true");
  try {
    const answers = await api.select(shown.map(({ country }) => ({ country_code: country, ...customer })), asOf);
    if (request === latest) show(output, ...answers.map((answer) => describe(answer, answers.length > 1)));
  } catch (error) {
    if (request === latest) showError(error);
  }
}

function showError(error) {
  const input = fields.find((field) => field.name === error.field && !field.disabled);
  const names = [...fields.map((field) => [field.name, label(field)]),
    ...shown[0].segments.map((segment) => [segment.segment_name, words.title(segment.attribute)])];
  const message = names.reduce((text, [name, title]) => text.replaceAll(name, title), error.message);
  clear();
  if (input) showWrong(input, message);
  else showFailure(output, { message }, null);
}

function showWrong(input, message) {
  byId(`${input.id}-wrong`).textContent = message;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

function describe(answer, several) {
  const all = [
    ...answer.voucher_amount.map((amount) => ({ voucher_amount: amount, count: answer.count, share: answer.share })),
    ...answer.alternatives,
  ];
  const more = answer.amounts_left_out + Math.max(0, answer.voucher_amount.length - MAX_SHOWN);
  return make("div", { class: "answered" },
    several ? make("h3", {}, named(answer.country)) : null,
    make("div", { class: "tickets" }, ...tickets(answer)),
    more ? make("p", { class: "facts", text: words.more(more) }) : null,
    answer.verdict ? make("p", { class: "judged" }, judged(answer.verdict), `: ${words.verdict(answer.verdict)[2]}.`) : null,
    make("p", { class: "why" }, ...reasons(answer)),
    answer.reason === "no_range" && !answer.fallback ? advice(shown.find((country) => country.country === answer.country)) : null,
    answer.alternatives.length ? alternatives(answer, all, several ? "h4" : "h3") : null);
}

function tickets({ voucher_amount: amounts, currency, verdict }) {
  if (!amounts.length) return [make("p", { class: "none", text: "No voucher" })];
  return amounts.slice(0, MAX_SHOWN).map((amount) => make("p", { class: `ticket large ${verdict}`, text: words.amount(amount, currency) }));
}

function reasons(answer) {
  const range = answer.min_range === null ? null : words.range(attribute(), answer);
  if (answer.fallback) return [...noVoucher(answer, range), " In all ranges of ", named(answer.country), ", ", ...evidence(answer)];
  if (answer.reason !== "most_used") return noVoucher(answer, range);
  return [`${customerOf(answer)} is in the range ${range}. In that range, in `, named(answer.country), ", ", ...evidence(answer)];
}

function noVoucher(answer, range) {
  if (answer.reason === "no_range") return [`${customerOf(answer)} is in no range.`];
  return [`${customerOf(answer)} is in the range ${range}. In that range, in `, named(answer.country), `, ${words.reason(answer.reason, answer.guards)[1]}.`];
}

/** Return the ranges, and what to do for a customer who is in none. */
function advice(country) {
  const others = country.segments.filter((segment) => segment.attribute !== attribute()).map((segment) => words.title(segment.attribute).toLowerCase());
  const use = () => { form.fallback.checked = true; form.requestSubmit(); };
  return make("div", { class: "advice" },
    make("p", { text: `The ranges are: ${segmentIn(country).ranges.map((interval) => words.range(attribute(), interval)).join("; ")}.` }),
    others.length ? make("p", { text: `Choose by ${others.join(" or ")}, or use the amounts of all ranges.` }) : null,
    make("button", { type: "button", class: "plain", text: "Use the whole country", onclick: use }));
}

function customerOf(answer) {
  if (answer.days_since_last_order !== null) return `A customer whose last order was ${plural(answer.days_since_last_order, "day")} ago`;
  if (answer.days_since_first_order !== null) return `A customer whose first order was ${plural(answer.days_since_first_order, "day")} ago`;
  if (answer.total_orders !== null) return `A customer with ${plural(answer.total_orders, "order")}`;
  return "This customer";
}

const plural = (number, one) => `${words.amount(number)} ${number === 1 ? one : `${one}s`}`;

function evidence(answer) {
  if (answer.count === null) return [`${words.reason(answer.fallback_reason, answer.guards)[1]}.`];
  const { low, high } = answer.interval;
  const suffix = answer.voucher_amount.length > 1 ? " each" : "";
  const without = answer.without_voucher ? ` Uses without a voucher: ${words.count(answer.without_voucher)}.` : "";
  return [
    make("strong", { text: `${words.count(answer.count)} of ${words.uses(answer.sample_size)}` }),
    ` were of this amount${suffix}: ${words.percent(answer.share)}, with 95% confidence between ${words.percent(low)} and ${words.percent(high)}.${without}`,
  ];
}

function alternatives(answer, all, heading) {
  const line = (used) => make("li", {},
    make("span", { class: "amount" }, words.amount(used.voucher_amount, answer.currency), excluded(used)),
    bar(used.share, used.interval),
    figures(used.share, used.count));
  return make("div", {},
    make(heading, { class: "others", text: "Other amounts" }),
    make("ul", { class: "amounts" }, ...answer.alternatives.slice(0, MAX_SHOWN).map(line)),
    folded(`others-${encodeURIComponent(answer.country)}`, answer.alternatives.slice(MAX_SHOWN), answer.alternatives_left_out, { ...answer, amounts: all }, line));
}

form.addEventListener("submit", submit);
form.addEventListener("input", () => {
  clear();
  keep(Object.fromEntries(["fallback", ...fields.map((input) => input.name)].map((name) => [name, ""])));
  filled = location.hash;
});
form.segment_name.addEventListener("change", () => go({ segment: form.segment_name.value }));
