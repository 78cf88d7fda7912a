// The page: a country is picked, and its pictures and the form follow.

import * as api from "./api.js";
import { offer } from "./customer.js";
import { byId, make, show, showFailure, showLoading } from "./dom.js";
import { facts, pictures } from "./segments.js";
import * as sources from "./sources.js";

const picker = byId("country");
const place = byId("segments");
const line = byId("facts");
let shown = 0;

async function start() {
  showLoading(place, 6);
  try {
    const found = await api.countries();
    if (found.length) await pick(found.map((each) => each.country));
    else nothing();
  } catch (error) {
    picker.replaceChildren(make("option", { text: "Not available" }));
    showFailure(place, error, start);
  }
}

function nothing() {
  picker.replaceChildren(make("option", { text: "None yet" }));
  show(place, make("div", { class: "state" },
    make("p", { text: "Nothing is counted yet." }),
    make("p", { class: "facts", text: "As soon as a file of voucher uses is uploaded, its countries appear here." })));
}

async function pick(names) {
  picker.replaceChildren(...names.map((name) => make("option", { value: name, text: name, dir: "auto" })));
  const wanted = linked();
  if (names.includes(wanted)) picker.value = wanted;
  picker.disabled = false;
  await follow();
}

/** Return the country that the page's address names. */
const linked = () => new URLSearchParams(location.hash.slice(1)).get("country");

async function follow() {
  const country = picker.value;
  const mine = (shown += 1);
  history.replaceState(null, "", `#${new URLSearchParams({ country })}`);
  line.replaceChildren();
  showLoading(place, 6);
  offer(null, []);
  try {
    const answer = await api.segments(country);
    if (mine !== shown) return;
    line.replaceChildren(...facts(answer));
    show(place, ...pictures(answer));
    offer(country, answer.segments);
  } catch (error) {
    if (mine === shown) showFailure(place, error, follow);
  }
}

picker.addEventListener("change", follow);
start();
sources.load();
