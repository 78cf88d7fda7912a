// Elements are made from text alone: what the API says never becomes markup.

export const byId = (id) => document.getElementById(id);

/** Return an element; properties are attributes, but for `text` and listeners such as `onclick`. */
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

/** Return a text from the data, kept apart from what surrounds it whichever way it is written. */
export const named = (text) => make("bdi", { text });

// A narrower interval would be a blot on the end of its bar, and is of no account.
const WIDE = 0.02;

/** Return a bar as wide as a share of its track, with a mark across its interval where that is wide. */
export function bar(share, interval = null) {
  const filled = make("span", { class: "filled" });
  filled.style.inlineSize = `${100 * share}%`;
  const track = make("span", { class: "track", "aria-hidden": "true" }, filled);
  if (interval && interval.high - interval.low >= WIDE) {
    const sure = make("span", { class: "sure" });
    sure.style.insetInlineStart = `${100 * interval.low}%`;
    sure.style.inlineSize = `${100 * (interval.high - interval.low)}%`;
    track.append(sure);
  }
  return track;
}

/** Show that a part is being asked for. */
export function showLoading(place, lines = 4) {
  place.setAttribute("aria-busy", "true");
  const bones = Array.from({ length: lines }, () => make("div", { class: "bone", "aria-hidden": "true" }));
  place.replaceChildren(make("p", { class: "unseen", text: "Loading…" }), ...bones);
}

/** Show what a part has come to. */
export function show(place, ...children) {
  place.removeAttribute("aria-busy");
  place.replaceChildren(...children);
}

/** Show a failure in one sentence, and how to try again. */
export function showFailure(place, error, again) {
  const retry = again && make("button", { type: "button", class: "plain", text: "Try again", onclick: again });
  show(place, make("div", { class: "state failed" }, make("p", { text: error.message }), retry || null));
}
