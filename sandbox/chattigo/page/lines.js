// Two tables: the calls that Chattigo received, and the webhooks that it made; the latest first, and each in full.

const ROWS_SHOWN = 120;

class Lines {
  // `columns`: [heading, (entry) => text]; `bad(entry)`: whether it is one of those that went wrong.
  constructor(id, rows, columns, bad) {
    Object.assign(this, {place: $(id), rows, columns, bad, nodes: [], key: null});
    this.find = h("input", {type: "search", autocomplete: "off", oninput: () => this.draw()});
    this.only = h("input", {type: "checkbox", oninput: () => this.draw()});
    this.body = h("tbody");
    this.rest = h("p", {class: "quiet"});
    const heads = columns.map(([name]) => h("th", {scope: "col"}, name));
    put(this.place,
      h("div", {class: "filters"}, h("label", {}, "Find ", this.find), h("label", {class: "check"}, this.only, " only what went wrong")),
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
      if (!find || this.columns.some(([, text]) => String(text(entry)).toLowerCase().includes(find))) fresh.push(this.row(entry));
    }
    this.body.prepend(...fresh);
    this.nodes = [...fresh, ...this.nodes];
    for (const node of this.nodes.splice(ROWS_SHOWN)) node.remove();
    write(this.rest, this.nodes.length ? `the latest ${this.nodes.length}; everything is in the ledger` : "nothing yet");
  }

  row(entry) {
    const cells = this.columns.map(([, text], at) => {
      const words = brief(text(entry), 60);
      return h("td", {}, at ? h("span", {dir: "auto"}, words) : h("button", {type: "button", class: "plain", "aria-label": `${words}: everything about it`, onclick: () => this.full(entry)}, words));
    });
    const node = h("tr", {class: this.bad(entry) ? "bad" : null}, ...cells);
    node.seq = entry.seq;
    return node;
  }

  async full(entry) {
    const size = Math.min((entry.recipients || 0) + 3, 400);
    const near = entry.call ? await call("GET", `ledger?since=${Math.max(0, entry.seq - size)}&limit=${size}`) : null;
    const caused = near ? near.entries.filter((one) => one.call === entry.call && one.type !== "call") : [];
    const show = (one) => h("pre", {tabindex: "0", "aria-label": "ledger line"}, JSON.stringify(one, null, 2));
    ask(entry.type === "webhook" ? `Webhook ${entry.post}, attempt ${entry.attempt}` : `Call ${entry.call || ""}`, (close) => [
      show(entry), caused.length ? h("h3", {}, `What it caused${caused.length > 20 ? `, 20 of ${caused.length}` : ""}`) : null,
      ...caused.slice(0, 20).map(show), h("p", {class: "actions"}, h("button", {type: "button", class: "main", onclick: close}, "Close")),
    ].filter(Boolean));
  }
}

const callColumns = [
  ["Time", (one) => clock(one.at_ms, true)], ["Route", (one) => one.route], ["Status", (one) => (one.status === 0 ? "reset" : one.status)],
  ["Line", (one) => one.did || ""], ["For", (one) => one.to || (one.recipients ? `${one.recipients} people` : "")],
  ["What", (one) => [one.fault ? `fault: ${one.fault}` : "", one.reason === "fault" ? "" : one.reason, one.accepted ? "accepted" : ""].filter(Boolean).join(", ") || one.account || ""],
];
const badCall = (one) => one.type === "call" && (one.status === 0 || one.status >= 300 || Boolean(one.fault));

const postColumns = [
  ["Time", (one) => clock(one.at_ms, true)], ["Line", (one) => one.did], ["Form", (one) => one.format],
  ["Carries", (one) => [some(one.events.length, "event"), some(one.receipts.length, "receipt")].filter(Boolean).join(", ")],
  ["Answer", (one) => one.status || one.error], ["What", (one) => [one.attempt > 1 ? `attempt ${one.attempt}` : "", one.duplicate ? "duplicate" : "", one.last && !one.acked ? "given up" : "", `${one.took_ms} ms`].filter(Boolean).join(", ")],
];
const badPost = (one) => !one.acked;
