// Elements, calls of the control API, and words for people. Text becomes text nodes here, never markup.

const $ = (id) => document.getElementById(id);
const present = (child) => child !== null && child !== undefined && child !== false;

// An element: `h("p", {class: "quiet", onclick: f}, "text", node)`. What is null or false is left out.
function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (!present(value)) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter(present));
  return node;
}

function put(node, ...children) {
  node.replaceChildren(...children.filter(present));
}

// Write only what differs, so that nobody who listens hears it again.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Bring `nodes` into this order. The one that has the focus is never moved, for it would lose it.
function order(place, nodes) {
  let next = null;
  for (const node of [...nodes].reverse()) {
    const kept = node.parentNode === place && node.contains(document.activeElement);
    if (!kept && (node.parentNode !== place || node.nextSibling !== next)) place.insertBefore(node, next);
    next = node;
  }
}

// Only addresses of the web become links; all else stays a word.
function link(address, label, more) {
  const text = String(label || address || "");
  if (!/^https?:\/\//i.test(String(address || ""))) return h("span", {dir: "auto", ...more}, text);
  return h("a", {href: address, target: "_blank", rel: "noopener noreferrer", dir: "auto", ...more}, text);
}

let alertTimer = 0;
function complain(text) {
  write($("alert"), text);
  clearTimeout(alertTimer);
  alertTimer = setTimeout(() => write($("alert"), ""), 8000);
}

// A call of the control API; its answer, or null when it was refused, and then the reason is shown.
async function call(method, path, body) {
  try {
    const data = body === undefined ? undefined : JSON.stringify(body);
    const answer = await fetch(`/_sandbox/${path}`, {method, body: data});
    const value = await answer.json();
    if (answer.ok) return value;
    complain(value.error || `${answer.status}`);
  } catch (problem) {
    complain(`The sandbox does not answer: ${problem.message}`);
  }
  return null;
}

const two = (number) => String(number).padStart(2, "0");
function clock(ms, seconds) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? `:${two(at.getSeconds())}` : ""}`;
}

const day = (ms) => new Date(ms).toLocaleDateString("en", {weekday: "long", day: "numeric", month: "long", year: "numeric"});

// A short text of any value, for a table or a preview.
function brief(value, most) {
  const text = String(value ?? "").replace(/\s+/g, " ");
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const some = (number, what) => (number ? `${number} ${number === 1 ? what : what.endsWith("y") ? `${what.slice(0, -1)}ies` : `${what}s`}` : "");

// A round sign for a person: initials, or the end of the number, in one of eight colours that stays theirs.
function face(name, contact) {
  const initials = name.split(/\s+/).filter(Boolean).slice(0, 2).map((part) => [...part][0].toUpperCase()).join("");
  let sum = 0;
  for (const letter of contact) sum = (sum * 37 + letter.codePointAt(0)) % 1009;
  return h("span", {class: `face hue-${sum % 8}`, "aria-hidden": true}, initials || contact.slice(-2));
}

const chip = (text, kind, title) => h("span", {class: `chip ${kind}`, title}, text);

// Show a dialog with a title; `fill(close)` gives what is in it. The browser gives the focus back to where it was.
function ask(title, fill) {
  const box = $("dialog");
  const close = () => box.close();
  put(box, h("h2", {id: "dialog-title", dir: "auto"}, title), ...fill(close).filter(present));
  box.onclose = () => put(box);
  box.showModal();
}

// The buttons below a dialog's form.
const endings = (done, close) => h("p", {class: "actions"},
  h("button", {type: "submit", class: "main"}, done), h("button", {type: "button", onclick: close}, "Cancel"));
