// The page: choosing a country shows its counts and sets the country of the form.

import * as api from "./api.js";
import { setCountry } from "./customer.js";
import { byId, make, show, showFailure, showLoading } from "./dom.js";
import { charts, facts } from "./segments.js";
import * as sources from "./sources.js";

const picker = byId("country");
const place = byId("segments");
const line = byId("facts");
let latest = 0;

async function start() {
  showLoading(place, 6);
  try {
    const found = await api.countries();
    if (found.length) await showCountries(found.map((each) => each.country));
    else showNothing();
  } catch (error) {
    picker.replaceChildren(make("option", { text: "Not available" }));
    showFailure(place, error, start);
  }
}

function showNothing() {
  picker.replaceChildren(make("option", { text: "None yet" }));
  show(place, make("div", { class: "state" },
    make("p", { text: "Nothing has been counted yet." }),
    make("p", { class: "facts", text: "Upload a file of voucher uses, and its countries appear here." })));
}

async function showCountries(names) {
  picker.replaceChildren(...names.map((name) => make("option", { value: name, text: name, dir: "auto" })));
  const linked = new URLSearchParams(location.hash.slice(1)).get("country");
  if (names.includes(linked)) picker.value = linked;
  picker.disabled = false;
  await showCountry();
}

async function showCountry() {
  const country = picker.value;
  const request = (latest += 1);
  history.replaceState(null, "", `#${new URLSearchParams({ country })}`);
  line.replaceChildren();
  showLoading(place, 6);
  setCountry(null, []);
  try {
    const answer = await api.segments(country);
    if (request !== latest) return;
    line.replaceChildren(...facts(answer));
    show(place, ...charts(answer));
    setCountry(country, answer.segments);
  } catch (error) {
    if (request === latest) showFailure(place, error, showCountry);
  }
}

picker.addEventListener("change", showCountry);
start();
sources.load();
