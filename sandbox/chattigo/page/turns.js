// Faults to arm, and accounts whose tokens can be killed and lines whose webhooks can be set.

const ROUTES = ["*", "isv.send", "isv.login", "isv.*", "hsm.send", "hsm.login", "hsm.message", "bot.send", "bot.login", "*.login"];
const EFFECTS = [
  ["503 instead of the answer", {status: 503}], ["503 with Retry-After", {status: 503, headers: {"Retry-After": "2"}}],
  ["429", {status: 429}], ["500", {status: 500}], ["500, and yet accepted", {status: 500, accepted: true}], ["401", {status: 401}],
  ["reset before it is accepted", {reset: "before"}], ["reset after it is accepted", {reset: "after"}],
  ["30 s before it is looked at", {delay_before_s: 30}], ["30 s between acceptance and answer", {delay_after_s: 30}],
  ["a slow body", {trickle_s: 5}], ["half a body", {truncate: true}],
];

class Faults {
  constructor(lines) {
    this.armed = h("ul", {class: "cards"});
    this.route = h("input", {list: "routes", value: "*", autocomplete: "off"});
    this.effect = h("select", {}, ...EFFECTS.map(([name], at) => h("option", {value: at}, name)));
    this.did = h("select", {}, h("option", {value: ""}, "all lines"), ...lines.map((one) => h("option", {}, one.did)));
    this.count = h("input", {type: "number", min: 0, value: 1});
    this.nth = h("input", {type: "number", min: 1, value: 1});
    this.chance = h("input", {type: "number", min: 0, max: 1, step: "any", value: 1});
    put($("faults"),
      h("form", {class: "sheet", onsubmit: (event) => { event.preventDefault(); this.arm(); }},
        h("label", {}, "Calls of ", this.route), h("datalist", {id: "routes"}, ...ROUTES.map((one) => h("option", {value: one}))),
        h("label", {}, "On ", this.did), h("label", {}, "Meet ", this.effect), h("label", {}, "How often (0: until disarmed) ", this.count),
        h("label", {}, "From which call on ", this.nth), h("label", {}, "With probability ", this.chance),
        h("p", {class: "actions"}, h("button", {type: "submit", class: "main"}, "Arm"), h("button", {type: "button", onclick: () => this.disarm()}, "Disarm all"))),
      h("h3", {}, "Armed"), this.armed);
  }

  async arm() {
    const fault = {...EFFECTS[Number(this.effect.value)][1], route: this.route.value, count: Number(this.count.value), nth: Number(this.nth.value), probability: Number(this.chance.value)};
    if (this.did.value) fault.did = this.did.value;
    if (await call("POST", "faults", fault)) await this.load();
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
  }
}

class Accounts {
  constructor(setup) {
    this.webhooks = new Map();
    const account = (one) => h("li", {}, h("span", {}, `${one.service} · ${one.username}`), h("button", {type: "button", "aria-label": `Kill the tokens of ${one.service} ${one.username}`, onclick: () => call("POST", "tokens/expire", one)}, "Kill its tokens"));
    put($("accounts"), h("h3", {}, "Accounts"), h("ul", {class: "cards"}, ...setup.accounts.map(account)),
      h("h3", {}, "Lines and their webhooks"), ...setup.lines.map((line) => this.line(line)));
  }

  line({did, kind}) {
    const field = h("input", {type: "url", autocomplete: "off", spellcheck: "false", placeholder: "no address yet"});
    this.webhooks.set(did, field);
    const set = (event) => {
      event.preventDefault();
      call("POST", "webhooks", {did, kind: "inbound", url: field.value});
    };
    return h("form", {class: "sheet", onsubmit: set}, h("label", {}, `${did} (${kind}) `, field), h("p", {class: "actions"}, h("button", {type: "submit"}, "Set the address")));
  }

  async load() {
    const state = await call("GET", "state");
    if (!state) return;
    for (const [did, field] of this.webhooks) {
      if (field !== document.activeElement) field.value = state.webhooks[`${did}|inbound`] || "";
    }
  }
}
