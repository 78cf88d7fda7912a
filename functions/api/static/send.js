// The form that uploads a file to S3, with a permission of the API for this file alone.

import { go } from "./address.js";
import * as api from "./api.js";
import { byId, make, show } from "./dom.js";
import { keyOf, waitFor } from "./uploads.js";
import * as words from "./words.js";

const form = byId("send");
const drop = byId("drop");
const sending = byId("sending");
const wrong = byId("file-wrong");
const MAX_BYTES = Number(document.documentElement.dataset.maxUpload);
const PARQUET = "PAR1";
let request = null;

async function submit(event) {
  event.preventDefault();
  if (request) return;
  clear();
  const [file] = form.file.files;
  const problem = await problemOf(file);
  if (problem) return refuse(problem);
  const name = form.elements.name.value.trim() || file.name;
  const asOf = form.rule.value === "date" ? form.as_of.value : form.rule.value;
  if (form.rule.value === "date" && !asOf) return refuse("Choose the date up to which days are measured.");
  try {
    const before = await find(keyOf(name));
    if (before && before.status !== "deleted" && !(await mayReplace(before.source))) return undefined;
    const columns = form.column_names.value.trim();
    const permission = await api.createUpload({ name, ...(asOf ? { as_of: asOf } : {}), ...(columns ? { column_names: columns } : {}) });
    const etag = await send(permission, file);
    form.reset();
    changed();
    show(sending);
    waitFor(permission.source, etag, before?.committed_at);
    go({ upload: permission.source });
  } catch (error) {
    refuse(error.message);
  }
  return undefined;
}

/** Return why a file cannot be uploaded, or null. */
async function problemOf(file) {
  if (!file) return "Choose a file.";
  if (!file.size) return `${file.name} is empty.`;
  if (file.size > MAX_BYTES) return `${file.name} has ${words.bytes(file.size)}, and the page uploads at most ${words.bytes(MAX_BYTES)}. Use make upload.`;
  const start = await file.slice(0, PARQUET.length).text().catch(() => null);
  if (start === null) return `${file.name} cannot be read. If it is a folder, choose its files.`;
  return start === PARQUET ? null : `${file.name} is not a Parquet file. Save it as Parquet, and choose that file.`;
}

/** Return the source with a key, or null. */
const find = (key) => api.source(key).catch((error) => {
  if (error.status === 404) return null;
  throw error;
});

/** Return whether the person wants to replace a file. */
function mayReplace(key) {
  return new Promise((resolve) => {
    const answer = (value) => () => { show(sending); resolve(value); };
    const yes = make("button", { type: "button", text: "Replace it", onclick: answer(true) });
    show(sending,
      make("p", { text: `${key} was uploaded before. Replace it, and its counts?` }),
      make("div", { class: "buttons" }, yes, make("button", { type: "button", class: "plain", text: "Keep it", onclick: answer(false) })));
    yes.focus();
  });
}

/** Send a file to S3, and return its ETag, or null. */
function send({ url, fields }, file) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", file);
  const bar = make("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
  const text = make("p", { class: "facts", text: `Uploading ${file.name}` });
  show(sending, text, bar, make("button", { type: "button", class: "plain", text: "Cancel", onclick: () => request.abort() }));
  form.querySelector("[type=submit]").disabled = true;
  return new Promise((resolve, reject) => {
    const fail = (message) => () => reject(new api.ApiError(message));
    request = new XMLHttpRequest();
    request.upload.onprogress = ({ loaded, total }) => {
      bar.value = loaded / total;
      text.textContent = `Uploading ${file.name}: ${words.percent(loaded / total)} of ${words.bytes(total)}`;
    };
    request.onload = () => (request.status < 300 ? resolve(request.getResponseHeader("ETag")) : fail(refusal(request, file))());
    request.onerror = fail(`${file.name} was not uploaded: S3 cannot be reached, or the bucket has no CORS rule for this page.`);
    request.onabort = fail(`The upload of ${file.name} was canceled.`);
    request.open("POST", url);
    request.send(body);
  }).finally(() => {
    request = null;
    form.querySelector("[type=submit]").disabled = false;
  });
}

function refusal({ status, responseText }, { name }) {
  const [, code = `status ${status}`] = responseText.match(/<Code>(\w+)</) ?? [];
  const [, message = ""] = responseText.match(/<Message>([^<]*)</) ?? [];
  if (code === "EntityTooLarge") return `${name} is too large for an upload from the page. Use make upload.`;
  if (/expired/i.test(code + message)) return `The permission to upload ${name} has expired. Upload it again.`;
  return `S3 refused ${name}: ${message || code}`;
}

function refuse(message) {
  show(sending);
  wrong.textContent = message;
  form.file.setAttribute("aria-invalid", "true");
  form.file.focus();
}

function clear() {
  wrong.textContent = "";
  form.file.removeAttribute("aria-invalid");
}

function changed() {
  clear();
  byId("as-of-date").hidden = form.rule.value !== "date";
  form.elements.name.placeholder = form.file.files[0]?.name ?? "";
}

if (MAX_BYTES) {
  form.hidden = false;
  byId("file-hint").textContent = `Or drop it here. At most ${words.bytes(MAX_BYTES)}.`;
  form.addEventListener("submit", submit);
  form.addEventListener("change", changed);
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name !== "drop" || !event.dataTransfer.files.length) return;
      form.file.files = event.dataTransfer.files;
      changed();
      byId("send-button").focus();
    });
  }
}
