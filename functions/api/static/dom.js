// Elements are made from text only, so that no text of the API becomes markup.

export const byId = (id) => document.getElementById(id);

/** Return an element. Properties are attributes, except `text` and listeners such as `onclick`. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (typeof value === "function") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Return a text from the data, isolated from the direction of the surrounding text. */
export const named = (text) => make("bdi", { text });

// The mark of a narrower interval would be too small to see.
const MIN_INTERVAL = 0.02;

/** Return a bar for a share, with a mark for its interval if that is wide enough. */
export function bar(share, interval = null) {
  const filled = make("span", { class: "filled" });
  filled.style.inlineSize = `${100 * share}%`;
  const track = make("span", { class: "track", "aria-hidden": "true" }, filled);
  if (interval && interval.high - interval.low >= MIN_INTERVAL) {
    const mark = make("span", { class: "interval" });
    mark.style.insetInlineStart = `${100 * interval.low}%`;
    mark.style.inlineSize = `${100 * (interval.high - interval.low)}%`;
    track.append(mark);
  }
  return track;
}

const opened = new Set();

/** Return an element that hides its content until it is opened; it stays open if it is made again. */
export function fold(id, summary, ...children) {
  const box = make("details", { id, open: opened.has(id) }, make("summary", { id: `${id}-summary`, text: summary }), ...children);
  box.ontoggle = () => (box.open ? opened.add(id) : opened.delete(id));
  return box;
}

/** Return the options of a select. */
export const options = (pairs) => pairs.map(([value, text]) => make("option", { value, text, dir: "auto" }));

/** Show that a part of the page is loading. */
export function showLoading(place, lines = 4) {
  place.setAttribute("aria-busy", "true");
  const placeholders = Array.from({ length: lines }, () => make("div", { class: "placeholder", "aria-hidden": "true" }));
  place.replaceChildren(make("p", { class: "visually-hidden", text: "Loading…" }), ...placeholders);
}

/** Show the content of a part of the page. The focus stays on the element with the same id or address. */
export function show(place, ...children) {
  const active = place.contains(document.activeElement) ? document.activeElement : null;
  const same = (element) => (active.id ? element.id === active.id : element.href && element.href === active.href);
  place.removeAttribute("aria-busy");
  place.replaceChildren(...children);
  if (active) [...place.querySelectorAll("*")].find(same)?.focus({ preventScroll: true });
}

/** Show an error, with a button to try again unless `again` is null. */
export function showFailure(place, error, again) {
  const retry = again && make("button", { type: "button", class: "plain", text: "Try again", onclick: again });
  show(place, make("div", { class: "state failed" }, make("p", { text: error.message }), retry || null));
}
