// One field for a value that a JSON schema describes: {node, read(), show(value), busy(), focus()}. `read` throws on what is none.

function field(schema, about) {
  const described = {"aria-describedby": about.help, autocomplete: "off", spellcheck: "false"};
  if (schema.enum) return choiceField(schema, {id: about.id, ...described});
  if (schema.type === "boolean") return switchField({id: about.id, ...described});
  if (schema.prefixItems) return pairField(schema, about, described);
  const numeric = ["number", "integer"].includes(schema.type), of = object(schema.items).type;
  const bounds = numeric ? {type: "number", ...limits(schema)} : {type: "text"};
  const input = h("input", {id: about.id, ...bounds, ...described});
  const way = numeric ? [String, number] : schema.type === "array" ? listWay(of) : schema.type === "object" ? [JSON.stringify, JSON.parse] : [String, String];
  return {node: input, read: () => way[1](input.value), show: (value) => { input.value = way[0](value); }, busy: () => input === document.activeElement, focus: () => input.focus()};
}

function number(text) {
  if (!text.trim() || Number.isNaN(Number(text))) throw new TypeError("no number");
  return Number(text);
}

const limits = (schema) => ({step: schema.type === "integer" ? 1 : "any", min: schema.minimum, max: schema.maximum});

function choiceField(schema, attributes) {
  const input = h("select", attributes, ...schema.enum.map((one) => h("option", {}, one)));
  return {node: input, read: () => schema.enum.find((one) => String(one) === input.value), show: (value) => { input.value = value; }, busy: () => false, focus: () => input.focus()};
}

function switchField(attributes) {
  const input = h("input", {type: "checkbox", ...attributes});
  return {node: input, read: () => input.checked, show: (value) => { input.checked = Boolean(value); }, busy: () => false, focus: () => input.focus()};
}

// Two numbers, from and to.
function pairField(schema, about, described) {
  const [from, to] = ["from", "to"].map((end, at) => h("input", {
    type: "number", ...limits(schema.prefixItems[at]), ...described, id: at ? null : about.id, "aria-label": `${about.name} ${end}`,
  }));
  const node = h("span", {class: "pair"}, from, h("span", {"aria-hidden": true}, "to"), to);
  return {
    node, focus: () => from.focus(), read: () => [number(from.value), number(to.value)], busy: () => node.contains(document.activeElement),
    show: (value) => { [from.value, to.value] = value; },
  };
}

// A list stands in one line, with commas.
function listWay(of) {
  const whole = (text) => text.replace(/^\s*\[|\]\s*$/g, "").split(",").map((part) => part.trim()).filter(Boolean);
  return [(value) => list(value).join(", "), (text) => whole(text).map(of === "string" ? String : number)];
}
