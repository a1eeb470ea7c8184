// All knobs in groups by the open question behind them; what is set is what the sandbox answers.

const SHOWN = {
  all: ["all knobs", () => true], turned: ["turned by hand", (one) => one.turned], own: ["not as by default", (one) => one.own],
  assumed: ["assumptions alone", (one) => one.about.assumed],
};

class Knobs {
  constructor({knobs, questions, evidence}) {
    Object.assign(this, {evidence, knobs: new Map(), groups: [], values: {}, usual: {}});
    this.find = h("input", {type: "search", autocomplete: "off", placeholder: "name, question or words", oninput: () => this.filter(true)});
    this.only = h("select", {oninput: () => this.filter(true)}, ...Object.entries(SHOWN).map(([name, [words]]) => h("option", {value: name}, words)));
    this.back = h("button", {type: "button", hidden: true, onclick: () => this.restore([...this.knobs.values()].filter((one) => one.turned))}, "Turn all back");
    this.none = h("p", {class: "quiet", hidden: true}, "No knob is like that.");
    for (const [question, words] of Object.entries(questions)) this.group(question, words, knobs.filter((one) => one.question === question));
    put($("knobs"),
      h("div", {class: "filters"}, h("label", {class: "grow"}, "Find ", this.find), h("label", {}, "Show ", this.only), this.back),
      this.none, ...this.groups.map((one) => one.node));
  }

  group(question, words, knobs) {
    const count = h("span", {class: "chip turned", hidden: true});
    const node = h("details", {class: "group"}, h("summary", {}, question ? h("b", {}, question) : null, h("span", {class: "grow"}, words), count, h("span", {class: "quiet"}, String(knobs.length))),
      ...knobs.map((about) => this.row(about, words)));
    this.groups.push({node, count, knobs: knobs.map((about) => this.knobs.get(about.name))});
  }

  row(about, words) {
    const id = `knob-${about.name}`, help = `help-${about.name}`;
    const control = field(about.schema, {id, help, name: about.name});
    const mark = h("span", {class: "chip", hidden: true});
    const back = h("button", {type: "button", class: "plain", hidden: true, onclick: () => this.restore([knob])});
    const kind = about.assumed ? (about.evidence === "INVENTION" ? "invented" : "odd") : "fine";
    const node = h("div", {class: "knob"},
      h("div", {class: "head"}, h("label", {for: id}, about.name), mark),
      h("div", {class: "turn"}, control.node, back),
      h("p", {class: "quiet", id: help}, h("span", {class: "about"}, ...coded(about.text)), chip(this.evidence[about.evidence], kind), h("span", {}, `Default: ${shown(about.default)}`)));
    const knob = {about, control, node, mark, back, found: `${about.name} ${about.question} ${about.text} ${words}`.toLowerCase(), turned: false, own: false};
    control.node.addEventListener("change", () => this.turn(knob));
    this.knobs.set(about.name, knob);
    return node;
  }

  // How they stand now. A field in which somebody writes is left alone.
  show({values, usual}) {
    Object.assign(this, {values, usual});
    for (const knob of this.knobs.values()) {
      const value = values[knob.about.name], before = usual[knob.about.name];
      knob.turned = differs(value, before);
      knob.own = differs(value, knob.about.default);
      knob.mark.hidden = !knob.turned && !knob.own;
      knob.mark.className = `chip ${knob.turned ? "turned" : "plainly"}`;
      write(knob.mark, knob.turned ? "turned" : "by profile or file");
      if (!knob.turned && document.activeElement === knob.back) knob.control.focus();
      knob.back.hidden = !knob.turned;
      write(knob.back, `back to ${shown(before)}`);
      if (!knob.control.busy()) knob.control.show(value);
    }
    for (const {count, knobs} of this.groups) {
      const turned = knobs.filter((one) => one.turned).length;
      count.hidden = !turned;
      write(count, `${turned} turned`);
    }
    this.filter();
  }

  get turned() {
    return [...this.knobs.values()].filter((one) => one.turned).length;
  }

  async turn(knob) {
    let value;
    try {
      value = knob.control.read();
    } catch {
      complain(`${knob.about.name}: this cannot be read`);
      return this.mind(knob, true);
    }
    return this.mind(knob, !(await call("PATCH", "knobs", nest(knob.about.name, value))));
  }

  mind(knob, wrong) {
    for (const input of [knob.control.node, ...knob.control.node.querySelectorAll("input")]) input.setAttribute("aria-invalid", String(wrong));
  }

  async restore(knobs) {
    const changes = {};
    for (const {about} of knobs) {
      for (const [name, value] of Object.entries(nest(about.name, this.usual[about.name]))) {
        changes[name] = about.name.includes(".") ? {...changes[name], ...value} : value;
      }
    }
    if (await call("PATCH", "knobs", changes)) for (const knob of knobs) this.mind(knob, false);
  }

  // `asked`: the reader changed the filter just now; groups open and close with that alone.
  filter(asked) {
    const find = this.find.value.trim().toLowerCase(), fits = SHOWN[this.only.value][1];
    let any = false;
    for (const {node, knobs} of this.groups) {
      for (const knob of knobs) knob.node.hidden = !(knob.found.includes(find) && fits(knob)) && !knob.node.contains(document.activeElement);
      node.hidden = knobs.every((knob) => knob.node.hidden);
      any ||= !node.hidden;
      if (asked) node.open = Boolean(find) || this.only.value !== "all";
    }
    this.none.hidden = any;
    if (!this.turned && document.activeElement === this.back) this.find.focus();
    this.back.hidden = !this.turned;
  }

  look(name) {
    this.only.value = name;
    this.find.value = "";
    this.filter(true);
    this.only.focus();
  }
}

// Words between backquotes are code.
const coded = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
const differs = (value, other) => JSON.stringify(value) !== JSON.stringify(other);
const shown = (value) => (Array.isArray(value) ? value.join(", ") || "none" : typeof value === "object" ? JSON.stringify(value) : value === "" ? "empty" : String(value));
const nest = (path, value) => path.split(".").reduceRight((inner, name) => ({[name]: inner}), value);
