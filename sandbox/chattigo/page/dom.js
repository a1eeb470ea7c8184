// Elements, calls of the control API, and words for people. Text becomes text nodes here, never markup.

const $ = (id) => document.getElementById(id);

// An element: `h("p", {class: "quiet", onclick: f}, "text", node)`. What is null or false is left out.
function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function put(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}

// Write only what differs, so that nobody who listens hears it again.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Only addresses of the web become links; all else stays a word.
function link(address, label) {
  const text = String(label || address || "");
  if (!/^https?:\/\//i.test(String(address || ""))) return h("span", {dir: "auto"}, text);
  return h("a", {href: address, target: "_blank", rel: "noopener noreferrer", dir: "auto"}, text);
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

// A short text of any value, for a table or a preview.
function brief(value, most) {
  const text = String(value ?? "").replace(/\s+/g, " ");
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const some = (number, what) => (number ? `${number} ${what}${number === 1 ? "" : "s"}` : "");

// Show a dialog with a title; `fill(close)` gives what is in it. The browser gives the focus back to where it was.
function ask(title, fill) {
  const box = $("dialog");
  const close = () => box.close();
  put(box, h("h2", {id: "dialog-title"}, title), ...fill(close));
  box.onclose = () => put(box);
  box.showModal();
}
