// The parts of the page's script stand in one module, in the order that StatusPage names. What the agent says is put into text nodes only:
// names of pods come from whoever may create pods.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const byId = id => document.getElementById(id);

/** Makes an element. A class, and children: elements or text. */
function make(tag, style, ...children) {
  const element = document.createElement(tag);
  if (style) element.className = style;
  element.append(...children);
  return element;
}

function drawn(tag, attributes, text) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Sets a text only where it is another one: a live region speaks of what is set, and layout follows it. */
function say(element, text) {
  if (element.said === text) return;
  element.said = text;
  element.textContent = text;
}

function tone(element, name) {
  if (element.dataset.tone !== name) element.dataset.tone = name;
}

/** Fills a list anew where it says something else than before. */
function list(element, items, item) {
  const key = JSON.stringify(items);
  if (element.listed === key) return;
  element.listed = key;
  element.replaceChildren(...items.map(item));
}

const plural = (count, one, many) => `${whole.format(count)} ${count === 1 ? one : many}`;

/** A rate that is not nothing is never shown as 0. */
function rate(value, format) {
  if (value === undefined) return '–';
  if (value <= 0) return '0';
  const smallest = format === whole ? 1 : 0.1;
  return value < smallest ? `<${smallest}` : format.format(value);
}

function share(part, all) {
  const percent = 100 * part / all;
  if (part === all) return '100 %';
  if (percent < 0.01) return '<0.01 %';
  return percent > 99.99 ? '>99.99 %' : `${percent.toFixed(percent < 1 || percent > 99 ? 2 : 1)} %`;
}

function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86400)} d ago`;
}

const sensorsOf = sensor => sensor.endpoints.map(at => `${at.address} port ${at.port} on ${at.link}`).join(', ');
