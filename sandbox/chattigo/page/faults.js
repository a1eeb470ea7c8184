// Faults to arm: which calls are hit, when, and what their caller sees.

const EFFECTS = {
  status: "another answer", before: "a reset before it is accepted", after: "a reset after it is accepted", delay_before_s: "a wait before it is looked at",
  delay_after_s: "a wait between acceptance and answer", trickle_s: "a body that comes slowly", truncate: "half a body, then a reset",
};
const WAITS = ["delay_before_s", "delay_after_s", "trickle_s"];

class Faults {
  constructor(setup) {
    const numeric = (value, more) => h("input", {type: "number", step: "any", required: true, value, ...more});
    const accounts = [...new Set(setup.accounts.map((one) => one.username))];
    this.armed = h("ul", {class: "cards"});
    this.in = {
      route: h("input", {list: "routes", value: "*", autocomplete: "off", required: true}), did: this.any("all lines", setup.lines.map((one) => one.did)),
      account: this.any("all accounts", accounts), effect: h("select", {oninput: () => this.fit()}, ...Object.entries(EFFECTS).map(([value, words]) => h("option", {value}, words))),
      status: numeric(503, {min: 100, max: 599, step: 1}), body: h("input", {autocomplete: "off", placeholder: "empty"}), retry: h("input", {autocomplete: "off", placeholder: "no such header"}),
      accepted: h("input", {type: "checkbox"}), seconds: numeric(30, {min: 0}), nth: numeric(1, {min: 1, step: 1}), count: numeric(1, {min: 0, step: 1}), chance: numeric(1, {min: 0, max: 1}), name: h("input", {autocomplete: "off", placeholder: "none"}),
    };
    const label = (words, name, more) => h("label", {class: more, "data-of": name}, ...(more === "check" ? [this.in[name], words] : [words, this.in[name]]));
    this.form = h("form", {class: "sheet columns", onsubmit: (event) => { event.preventDefault(); this.arm(); }},
      h("h3", {class: "wide"}, "Which calls"), label("Route", "route"), label("Line", "did"), label("Account", "account"), label("Its name in the ledger", "name"),
      h("datalist", {id: "routes"}, ...["*", "*.login", "*.send", ...setup.routes].map((one) => h("option", {value: one}))),
      h("h3", {class: "wide"}, "Meet"), label("What", "effect", "wide"), label("Status", "status"), label("Retry-After", "retry"), label("Body", "body"), label("accepted all the same", "accepted", "check"), label("Seconds", "seconds"),
      h("h3", {class: "wide"}, "When"), label("From which call on", "nth"), label("How often (0: until disarmed)", "count"), label("With probability", "chance"),
      h("p", {class: "actions wide"}, h("button", {type: "submit", class: "main"}, "Arm"), h("button", {type: "button", onclick: () => this.disarm()}, "Disarm all")));
    put($("faults"), h("h3", {}, "Armed"), this.armed, this.form);
    this.fit();
  }

  any(words, options) {
    return h("select", {}, h("option", {value: ""}, words), ...options.map((one) => h("option", {}, one)));
  }

  // Only what belongs to the effect is asked for, and looked at.
  fit() {
    const effect = this.in.effect.value;
    for (const label of this.form.querySelectorAll("label")) {
      const of = label.dataset.of;
      if (["status", "retry", "body", "accepted"].includes(of)) label.hidden = effect !== "status";
      if (of === "seconds") label.hidden = !WAITS.includes(effect);
      this.in[of].disabled = label.hidden;
    }
  }

  read() {
    const {route, did, account, effect, status, body, retry, accepted, seconds, nth, count, chance, name} = this.in, what = effect.value;
    const fault = {route: route.value, nth: Number(nth.value), count: Number(count.value), probability: Number(chance.value), name: name.value};
    if (did.value) fault.did = did.value;
    if (account.value) fault.account = account.value;
    if (what === "status") Object.assign(fault, {status: Number(status.value), body: body.value, accepted: accepted.checked, headers: retry.value ? {"Retry-After": retry.value} : {}});
    else if (WAITS.includes(what)) fault[what] = Number(seconds.value);
    else if (what === "truncate") fault.truncate = true;
    else fault.reset = what;
    return fault;
  }

  async arm() {
    if (await call("POST", "faults", this.read())) await this.load();
  }

  async disarm() {
    if (await call("DELETE", "faults")) await this.load();
  }

  async load() {
    const found = await call("GET", "faults");
    if (!found) return;
    const usual = {name: "", service: null, did: null, account: null, nth: 1, count: 1, probability: 1, status: null, body: "", accepted: false, delay_before_s: 0, delay_after_s: 0, reset: null, trickle_s: 0, truncate: false};
    const words = ({fault}) => Object.entries(fault).filter(([name, value]) => value !== usual[name] && JSON.stringify(value) !== "{}").map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
    put(this.armed, ...found.faults.map((one) => h("li", {}, words(one), h("span", {class: "quiet"}, ` hit ${one.hits} of ${one.fault.count || "any number"}`))));
    if (!found.faults.length) put(this.armed, h("li", {class: "quiet"}, "none"));
    const live = found.faults.filter((one) => !one.fault.count || one.hits < one.fault.count).length;
    write($("tab-faults"), live ? `Faults (${live})` : "Faults");
  }
}
