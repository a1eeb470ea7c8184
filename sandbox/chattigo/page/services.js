// The services with their addresses and accounts, the lines with theirs, and the templates.

const SERVICES = {isv: "ISV: messages", hsm: "HSM: batches of templates", bot: "API Bot: flat messages", channel: "Webhook Chattigo: a client's own channel"};
const STATES = ["approved", "pending", "rejected", "paused", "disabled", "in_appeal"];

class Services {
  // `heard(state)`: what the page must know of it besides.
  constructor(setup, heard) {
    Object.assign(this, {heard, lines: new Map(), templates: h("ul", {class: "cards"}), states: new Map()});
    put($("services"), h("h3", {}, "Services and their accounts"), h("ul", {class: "cards"}, ...Object.keys(SERVICES).map((one) => this.service(one, setup))),
      h("h3", {}, "Lines and where their webhooks go"), h("ul", {class: "cards"}, ...setup.lines.map((line) => this.line(line))),
      h("h3", {}, "Templates"), this.templates);
  }

  service(name, setup) {
    const accounts = setup.accounts.filter((one) => one.service === name);
    const kill = (one) => h("p", {class: "row"}, h("span", {class: "grow"}, one.username), h("button", {
      type: "button", "aria-label": `Kill the tokens of ${name} ${one.username}`, onclick: () => call("POST", "tokens/expire", one),
    }, "Kill its tokens"));
    return h("li", {}, h("strong", {}, SERVICES[name]), h("code", {}, setup.base_url + setup.bases[name]),
      ...(accounts.length ? accounts.map(kill) : [h("p", {class: "quiet"}, "no account in the sandbox's file")]));
  }

  line({did, kind}) {
    const which = h("select", {"aria-label": `Which webhook of ${did}`}, ...(kind === "cloud" ? ["inbound", "outbound", "notifications"] : ["inbound", "notifications"]).map((one) => h("option", {}, one)));
    const input = h("input", {type: "url", class: "grow", autocomplete: "off", spellcheck: "false", placeholder: "no address yet", "aria-label": `Address of ${did}`});
    const mark = h("span", {class: "chip"});
    const set = (event) => {
      event.preventDefault();
      call("POST", "webhooks", {did, kind: which.value, url: input.value});
    };
    const one = {did, which, input, mark};
    which.addEventListener("input", () => this.fill(one));
    this.lines.set(did, one);
    return h("li", {id: `line-${did}`}, h("p", {class: "row"}, h("strong", {}, did), chip(kind, "plainly"), mark), h("form", {class: "row", onsubmit: set}, which, input, h("button", {type: "submit"}, "Set")));
  }

  fill({did, which, input, mark}) {
    const urls = this.urls || {}, any = Object.keys(urls).some((key) => key.startsWith(`${did}|`) && urls[key]);
    if (input !== document.activeElement) input.value = urls[`${did}|${which.value}`] || "";
    write(mark, any ? "" : "no webhook");
    mark.className = any ? "" : "chip wrong";
  }

  template(one) {
    const key = `${one.name}|${one.language}`, select = this.states.get(key) || h("select", {"aria-label": `State of ${one.name} ${one.language}`}, ...STATES.map((state) => h("option", {}, state)));
    this.states.set(key, select);
    select.value = one.state;
    select.onchange = () => call("POST", "templates", {...one, state: select.value});
    return h("li", {}, h("p", {class: "row"}, h("strong", {dir: "auto"}, one.name), chip(one.language, "plainly"), chip(one.category, "plainly"), h("span", {class: "grow"}), select),
      one.looks.body ? h("p", {class: "quiet", dir: "auto"}, one.looks.body) : null);
  }

  async load() {
    const state = await call("GET", "state"), found = await call("GET", "templates");
    if (!state || !found) return;
    this.urls = state.webhooks;
    for (const line of this.lines.values()) this.fill(line);
    const focused = document.activeElement;
    put(this.templates, ...found.templates.map((one) => this.template(one)));
    if (!found.templates.length) put(this.templates, h("li", {class: "quiet"}, "None is named, so every template exists."));
    if (this.templates.contains(focused)) focused.focus();
    this.heard({urls: this.urls, templates: found.templates});
  }
}
