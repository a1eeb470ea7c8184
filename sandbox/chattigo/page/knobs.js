// The knobs, as the sandbox describes them: one field each, and what is set is what the sandbox answers.

class Knobs {
  constructor(schema) {
    this.defs = schema.$defs || {};
    this.root = this.resolve(schema);
    this.values = {};
    this.fields = new Map(); // by path
    this.place = $("knobs");
    this.find = h("input", {type: "search", autocomplete: "off", oninput: () => this.filter()});
    this.only = h("input", {type: "checkbox", oninput: () => this.filter()});
    this.groups = [];
    put(this.place, h("div", {class: "filters"}, h("label", {}, "Find ", this.find), h("label", {class: "check"}, this.only, " only what was turned")), ...this.build(this.root, ""));
  }

  resolve(node) {
    return node.$ref ? this.defs[node.$ref.split("/").pop()] || {} : node;
  }

  build(node, prefix) {
    const single = [], areas = [];
    for (const [name, raw] of Object.entries(node.properties || {})) {
      const inner = this.resolve(raw), path = prefix + name;
      if (inner.properties) areas.push(h("fieldset", {}, h("legend", {}, name), ...this.build(inner, `${path}.`)));
      else single.push(this.field(path, name, inner, raw));
    }
    this.groups.push(...areas);
    return [...areas, ...single];
  }

  field(path, name, schema, raw) {
    const options = schema.enum || null, input = options ? h("select", {}, ...options.map((one) => h("option", {}, one)))
      : schema.type === "boolean" ? h("input", {type: "checkbox"})
      : ["number", "integer"].includes(schema.type) ? h("input", {type: "number", step: schema.type === "integer" ? 1 : "any", min: schema.minimum, max: schema.maximum})
      : h("input", {type: "text", autocomplete: "off", spellcheck: "false"});
    const help = raw.description || (schema !== this.root && schema.description) || "";
    const row = h("label", {class: "knob", title: help || null}, h("span", {}, name), input);
    const kind = options ? "enum" : ["boolean", "string"].includes(schema.type) ? schema.type : ["number", "integer"].includes(schema.type) ? "number" : "json";
    input.addEventListener("change", () => this.turn(path));
    this.fields.set(path, {row, input, kind, options, usual: raw.default ?? schema.default});
    return row;
  }

  // The values as the sandbox has them now. A field in which somebody writes is left alone.
  show(values) {
    this.values = values;
    for (const [path, field] of this.fields) {
      const value = path.split(".").reduce((at, name) => (at ? at[name] : undefined), values);
      field.row.classList.toggle("turned", JSON.stringify(value) !== JSON.stringify(field.usual));
      if (field.input === document.activeElement && field.kind !== "boolean" && field.kind !== "enum") continue;
      if (field.kind === "boolean") field.input.checked = Boolean(value);
      else field.input.value = field.kind === "json" ? JSON.stringify(value) : value ?? "";
    }
    this.filter();
  }

  async turn(path) {
    const field = this.fields.get(path);
    let value;
    try {
      value = this.read(field);
    } catch {
      complain(`${path}: this is no JSON`);
      return;
    }
    const change = path.split(".").reduceRight((inner, name) => ({[name]: inner}), value);
    const now = await call("PATCH", "knobs", change);
    field.input.setAttribute("aria-invalid", String(!now));
    if (now) this.show(now);
  }

  read({input, kind, options}) {
    if (kind === "boolean") return input.checked;
    if (kind === "number") return Number(input.value);
    if (kind === "enum") return options.find((one) => String(one) === input.value);
    return kind === "json" ? JSON.parse(input.value) : input.value;
  }

  filter() {
    const find = this.find.value.trim().toLowerCase();
    for (const [path, {row}] of this.fields) {
      row.hidden = !path.toLowerCase().includes(find) || (this.only.checked && !row.classList.contains("turned"));
    }
    for (const group of this.groups) group.hidden = ![...group.querySelectorAll("label")].some((row) => !row.hidden);
  }
}
