// Two tables: the calls that Chattigo received, and the webhooks that it made; the latest first, and each in full.

const ROWS_SHOWN = 80;

class Lines {
  // `columns`: {head, text(entry), more?(entry), kind?(entry)}; `bad(entry)`: whether it is one of those that went wrong.
  constructor(id, rows, columns, bad) {
    Object.assign(this, {place: $(id), rows, columns, bad, nodes: [], key: null});
    this.find = h("input", {type: "search", autocomplete: "off", oninput: () => this.draw()});
    this.only = h("input", {type: "checkbox", oninput: () => this.draw()});
    this.body = h("tbody");
    this.rest = h("p", {class: "quiet"});
    const heads = columns.map(({head}) => h("th", {scope: "col"}, head));
    put(this.place,
      h("div", {class: "filters"}, h("label", {class: "grow"}, "Find ", this.find), h("label", {class: "check"}, this.only, " only what went wrong")),
      h("table", {}, h("thead", {}, h("tr", {}, ...heads)), this.body), this.rest);
  }

  draw() {
    if (this.place.hidden) return;
    const find = this.find.value.trim().toLowerCase(), key = `${this.only.checked} ${find}`;
    if (key !== this.key) {
      put(this.body);
      this.nodes = [];
      this.key = key;
    }
    const newest = this.nodes.length ? this.nodes[0].seq : 0, fresh = [];
    for (let at = this.rows.length - 1; at >= 0 && this.rows[at].seq > newest && fresh.length < ROWS_SHOWN; at -= 1) {
      const entry = this.rows[at];
      if (this.only.checked && !this.bad(entry)) continue;
      if (!find || this.words(entry).includes(find)) fresh.push(this.row(entry));
    }
    this.body.prepend(...fresh);
    const all = [...fresh, ...this.nodes];
    this.nodes = all.filter((node, at) => at < ROWS_SHOWN || node.contains(document.activeElement)); // who is in a row stays in it
    for (const node of all.slice(ROWS_SHOWN)) if (!this.nodes.includes(node)) node.remove();
    write(this.rest, this.nodes.length ? `the latest ${this.nodes.length}; everything is in the ledger` : key === "false " ? "nothing yet" : "nothing like that");
  }

  words(entry) {
    return this.columns.map(({text, more}) => `${text(entry)} ${more ? more(entry) : ""}`).join(" ").toLowerCase();
  }

  row(entry) {
    const cells = this.columns.map(({text, more, kind}, at) => {
      const words = brief(text(entry), 60), below = more ? brief(more(entry), 60) : "";
      const first = at ? (kind && words ? chip(words, kind(entry)) : words)
        : h("button", {type: "button", class: "plain", "aria-label": `${words}: everything about it`, onclick: () => this.full(entry)}, words);
      return h("td", {dir: "auto"}, first, below ? h("small", {dir: "auto"}, ...numbered(below)) : null);
    });
    const node = h("tr", {class: this.bad(entry) ? "bad" : null}, ...cells);
    node.seq = entry.seq;
    return node;
  }

  async full(entry) {
    const size = Math.min((entry.recipients || 0) + 3, 400);
    const near = entry.call ? await call("GET", `ledger?since=${Math.max(0, entry.seq - size)}&limit=${size}`) : null;
    const caused = near ? near.entries.filter((one) => one.call === entry.call && one.type !== "call") : [];
    const show = (one) => h("pre", {tabindex: "0", role: "region", "aria-label": "ledger line"}, JSON.stringify(one, null, 2));
    ask(entry.type === "webhook" ? `Webhook ${entry.post}, attempt ${entry.attempt}` : `Call ${entry.call || ""}`, (close) => [
      show(entry), caused.length ? h("h3", {}, `What it caused${caused.length > 20 ? `, 20 of ${caused.length}` : ""}`) : null,
      ...caused.slice(0, 20).map(show), h("p", {class: "actions"}, h("button", {type: "button", class: "main", onclick: close}, "Close")),
    ]);
  }
}

// A number of a line or a person is never broken in two.
const numbered = (text) => text.split(/(\d{7,15})/).map((part, at) => (at % 2 ? h("span", {class: "number"}, part) : part));

const callColumns = [
  {head: "Time", text: (one) => clock(one.at_ms, true)},
  {head: "Call", text: (one) => one.route, more: (one) => [one.did, one.to || some(one.recipients, "message")].filter(Boolean).join(" → ") || one.account || ""},
  {head: "Answer", text: (one) => (one.status === 0 ? "reset" : one.status), kind: (one) => (badCall(one) ? "wrong" : "fine")},
  {head: "Outcome", text: (one) => (one.accepted ? "accepted" : one.reason && one.reason !== "fault" ? one.reason : one.route === "tokens killed" ? "" : "not accepted"), more: (one) => (one.fault ? `fault: ${one.fault}` : "")},
];
const badCall = (one) => one.type === "call" && (one.status === 0 || one.status >= 300 || Boolean(one.fault));

const postColumns = [
  {head: "Time", text: (one) => clock(one.at_ms, true)},
  {head: "Carries", text: (one) => [some(one.events.length, "event"), some(one.receipts.length, "receipt")].filter(Boolean).join(", ") || "something else", more: (one) => `${one.did}, ${one.format}`},
  {head: "Answer", text: (one) => one.status || one.error || "none", kind: (one) => (one.acked ? "fine" : "wrong")},
  {head: "Outcome", text: (one) => (one.acked ? "acknowledged" : one.last ? "given up" : "tried again"), more: (one) => [one.attempt > 1 ? `attempt ${one.attempt}` : "", one.duplicate ? "a duplicate" : "", `${one.took_ms} ms`].filter(Boolean).join(", ")},
];
const badPost = (one) => !one.acked;
