"use strict";
// Shared by all parts of the page: the data, the choice of trackers and sequences, small helpers.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COLOURS = 10;
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 4 2 4 2 4"];
const state = {
  chosen: new Set(DATA.trackers.map((_, index) => index)),
  attribute: -1, // of DATA.attributes; -1 stands for all sequences
  measure: 0,
  listeners: [],
};

function changed() {
  for (const listener of state.listeners) listener();
}

function onChange(listener) {
  state.listeners.push(listener);
  listener();
}

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; texts are never taken for markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Likewise in SVG. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const colour = (tracker) => `var(--c${tracker % COLOURS})`;
const dashOf = (tracker) => DASHES[(tracker + Math.floor(tracker / COLOURS)) % DASHES.length];
const swatch = (tracker) =>
  make("i", { class: "swatch", style: `--tracker: ${colour(tracker)}`, "aria-hidden": "true" });
const chosenTrackers = () => [...state.chosen].sort((a, b) => a - b);
const known = (value) => value !== null && Number.isFinite(value);
const show = (value, digits = 3) => (known(value) ? value.toFixed(digits) : "–");
const signed = (value, digits = 3) =>
  known(value) ? (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits) : "–";

/** Indices of the sequences that have the chosen attribute. */
function chosenSequences() {
  const all = DATA.sequences.map((_, index) => index);
  if (state.attribute < 0) return all;
  const name = DATA.attributes[state.attribute].key;
  return all.filter((index) => DATA.sequences[index].attributes.includes(name));
}

/** Mean over sequences, by their weights, of what `value` gives for each. */
function average(sequences, value) {
  let sum = 0;
  let total = 0;
  for (const index of sequences) {
    const number = value(index);
    if (!known(number)) continue;
    const { weight } = DATA.sequences[index];
    sum += weight * number;
    total += weight;
  }
  return total ? sum / total : null;
}

const scoreOf = (measure, tracker, sequences) =>
  average(sequences, (index) => DATA.values[measure.key][tracker][index]);

/** Shows a text at the pointer or beside an element; null hides it. */
function tip(text, x, y) {
  const box = byId("tip");
  box.hidden = text === null;
  if (text === null) return;
  box.textContent = text;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 8))}px`;
  box.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - height - 8))}px`;
}

/** Gives an element a tooltip for pointer and keyboard. */
function addTip(element, text) {
  const beside = () => {
    const place = element.getBoundingClientRect();
    tip(text, place.right, place.top);
  };
  element.addEventListener("pointermove", (event) => tip(text, event.clientX, event.clientY));
  element.addEventListener("pointerleave", () => tip(null));
  element.addEventListener("focus", beside);
  element.addEventListener("blur", () => tip(null));
  return element;
}

function addOptions(select, texts, chosen = 0) {
  texts.forEach((text, index) => select.append(make("option", { value: index }, text)));
  select.value = String(chosen);
}

function startToolbar() {
  DATA.trackers.forEach((tracker, index) => {
    const box = make("input", {
      type: "checkbox", checked: true, "data-tracker": index,
      onchange: () => {
        if (box.checked) state.chosen.add(index);
        else state.chosen.delete(index);
        changed();
      },
    });
    const label = make(
      "label", { class: "chip", style: `--tracker: ${colour(index)}`, title: tracker.name },
      box, swatch(index), make("span", {}, tracker.name),
    );
    label.querySelector(".swatch").style.margin = "0";
    byId("chosen").append(label);
  });
  const select = byId("attribute");
  select.append(make("option", { value: -1 }, `all (${DATA.coverage})`));
  DATA.attributes.forEach((attribute, index) =>
    select.append(make("option", { value: index }, `${attribute.title} (${attribute.count})`)));
  select.addEventListener("change", () => {
    state.attribute = Number(select.value);
    changed();
  });
  byId("attribute-field").hidden = DATA.attributes.length === 0;

  const schemes = ["auto", "light", "dark"];
  byId("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || "auto";
    const next = schemes[(schemes.indexOf(now) + 1) % schemes.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    byId("theme").querySelector("span").textContent = next;
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && tip(null));
}
