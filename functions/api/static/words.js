// Numbers, times and ranges as text.

const NO_LIMIT = 99999999;
const ATTRIBUTES = {
  days_since_last_order: ["Days since the last order", "day", "days"],
  days_since_first_order: ["Days since the first order", "day", "days"],
  total_orders: ["Number of orders", "order", "orders"],
};

const whole = new Intl.NumberFormat("en");
const amounts = new Intl.NumberFormat("en", { maximumFractionDigits: 10 });
const percents = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const times = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });

export const count = (number) => whole.format(number);
export const amount = (number, currency = null) => amounts.format(number) + (currency ? `\u00a0${currency}` : "");
export const percent = (share) => percents.format(share);
export const time = (text) => times.format(new Date(text));
const months = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
export const shortDay = (text) => months.format(new Date(text));
export const day = (text) => days.format(new Date(text));
export const bytes = (number) => {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, number)) / 10));
  return `${amounts.format(Number((number / 1024 ** power).toPrecision(3)))} ${["bytes", "KB", "MB", "GB"][power]}`;
};
export const uses = (number) => `${count(number)} ${number === 1 ? "use" : "uses"}`;
export const more = (number, share = null) => `and ${count(number)} more${share === null ? "" : `, ${percent(share)}`}`;
export const countries = (number) => `${count(number)} ${number === 1 ? "country" : "countries"}`;
export const rows = (number) => `${count(number)} ${number === 1 ? "row" : "rows"}`;

const VERDICTS = {
  clear: ["clear", "Clear", "used more than every other amount, beyond chance (95% confidence)"],
  close: ["close", "Close", "another amount could be the most used one"],
  too_few_uses: ["too few", "Too few uses", "the two most used amounts have fewer than 30 uses together"],
};

/** Return a verdict as a short word, as a title, and in a sentence. */
export const verdict = (name) => VERDICTS[name] ?? [words(name), words(name), ""];

const REASONS = {
  no_voucher_used: () => ["no voucher", "nobody used a voucher"],
  below_minimum_uses: (guards) => ["below the minimum", `there are fewer than ${uses(guards.minimum_uses)}, which a choice needs`],
  no_amount_allowed: () => ["no allowed amount", "none of the amounts that may be chosen was used"],
};

/** Return the reason for no choice as a short text, and in a sentence; `guards` are those of the country. */
export const reason = (name, guards) => REASONS[name]?.(guards) ?? [words(name), words(name)];

/** Return the chosen amounts of a tie as one text. */
export function chosen(list, leftOut = 0, currency = null) {
  const [first, second, ...others] = list.map((number) => amount(number, currency));
  if (!second) return first ?? "";
  return others.length + leftOut ? `${first} ${more(list.length - 1 + leftOut)}` : `${first} or ${second}`;
}

/** Return a name such as `country_missing` as words. */
export const words = (name) => name.replaceAll("_", " ");

/** Return the title of an attribute. */
export const title = (attribute) => ATTRIBUTES[attribute]?.[0] ?? words(attribute);

/** Return a range, both ends included, such as "14–37 orders". */
export function range(attribute, { min_range: min, max_range: max }) {
  const [, one, many] = ATTRIBUTES[attribute] ?? ["", "", ""];
  if (max >= NO_LIMIT) return `${count(min)} ${many} and more`;
  if (min === max) return `${count(min)} ${min === 1 ? one : many}`;
  return `${count(min)}–${count(max)} ${many}`;
}
