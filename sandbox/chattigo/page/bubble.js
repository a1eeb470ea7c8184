// One message as WhatsApp shows it. What it says is drawn once; ticks and reactions are kept up to date.

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const SIGNS = {image: "🖼", video: "▶", audio: "🎤", document: "📄", sticker: "★", location: "📍", contacts: "👤", order: "🛒", form: "📋"};

// `press(choice, item, style)`, `show(item)` for a list, `react(item, emoji)`; `quoted(id)` gives an item or nothing.
class Bubbles {
  constructor({press, show, react, quoted}) {
    Object.assign(this, {press, show, react, quoted});
  }

  draw(item) {
    if (item.note) return h("div", {class: "note", "data-id": item.id}, item.note);
    const what = item.what, mine = item.side === "customer";
    const ticks = h("span", {class: "ticks", role: "img"}), reactions = h("span", {class: "reactions"});
    const node = h("article", {class: `bubble ${mine ? "mine" : "theirs"}`, "data-id": item.id},
      h("span", {class: "hidden"}, mine ? "Customer: " : `${item.by || "Business"}: `),
      item.by ? h("p", {class: "by"}, item.by) : null,
      this.quotation(item),
      what.kind === "template" ? h("p", {class: "by"}, `template ${what.name}`) : null,
      ...this.body(what),
      h("footer", {}, reactions, h("time", {datetime: new Date(item.at).toISOString()}, clock(item.at)), ticks),
      mine ? null : this.reactor(item));
    if (what.choices) node.append(this.choices(item, what.choices));
    node.parts = {ticks, reactions};
    this.update(node, item);
    return node;
  }

  quotation(item) {
    if (!item.quotes) return null;
    const other = this.quoted(item.quotes);
    return h("blockquote", {dir: "auto"}, other && other.what ? summary(other.what) : "a message that is not here");
  }

  body(what) {
    const sign = SIGNS[what.kind];
    const file = what.file || what.link;
    const odd = !what.text && !what.title && !file && !(what.lines || []).length && what.kind !== "template";
    return [
      what.title ? h("p", {class: "title", dir: "auto"}, what.title) : null,
      sign ? h("p", {class: `file ${what.kind}`}, h("span", {class: "sign", "aria-hidden": true}, sign), h("span", {class: "hidden"}, `${what.kind} `), file ? link(what.link, what.file || what.link) : null) : null,
      !sign && file ? h("p", {class: "file"}, link(what.link, file)) : null,
      what.text ? h("p", {class: "text", dir: "auto"}, what.text) : null,
      ...list(what.lines).map((line) => h("p", {class: "text", dir: "auto"}, line)),
      what.footer ? h("p", {class: "quiet", dir: "auto"}, what.footer) : null,
      odd && !sign ? h("p", {class: "odd"}, what.kind) : null,
    ];
  }

  choices(item, choices) {
    if (choices.style === "list") {
      return h("div", {class: "choices"}, h("button", {type: "button", onclick: () => this.show(item)}, `☰ ${choices.button}`));
    }
    const press = (one) => h("button", {type: "button", dir: "auto", onclick: () => this.press(one, item, choices.style)}, one.title);
    return h("div", {class: "choices"}, ...choices.items.map(press));
  }

  // The button beside a message, and the row of reactions that it opens inside the message.
  reactor(item) {
    if (item.by) return null;
    let row = null;
    const open = h("button", {type: "button", class: "react", "aria-label": "React to this message", "aria-expanded": "false"}, "☺");
    const close = () => {
      row?.remove();
      row = null;
      open.setAttribute("aria-expanded", "false");
      open.focus();
    };
    const pick = (emoji) => h("button", {
      type: "button", "aria-label": emoji || "Take the reaction back",
      onclick: () => { this.react(item, emoji); close(); },
    }, emoji || "✕");
    open.addEventListener("click", () => {
      if (row) return close();
      const leave = (event) => { if (event.key === "Escape") close(); };
      row = h("div", {class: "emoji", role: "group", "aria-label": "Reactions", onkeydown: leave}, ...EMOJI.map(pick), pick(""));
      open.closest("article").append(row);
      open.setAttribute("aria-expanded", "true");
      return row.firstElementChild.focus();
    });
    return h("div", {class: "reactor"}, open);
  }

  update(node, item) {
    if (item.note) return;
    const {ticks, reactions} = node.parts, mark = this.mark(item);
    write(ticks, mark.sign);
    ticks.dataset.state = item.state;
    ticks.title = mark.words;
    ticks.setAttribute("aria-label", mark.words || "no receipts");
    const all = Object.entries(item.reactions || {}).filter(([, emoji]) => emoji);
    write(reactions, all.map(([, emoji]) => emoji).join(" "));
    reactions.title = all.map(([by, emoji]) => `${by}: ${emoji}`).join(", ");
    node.version = item.version;
  }

  mark(item) {
    const lost = list(item.lost).length ? ` (never told to the business: ${[...new Set(item.lost)].join(", ")})` : "";
    const signs = {accepted: "🕓", sent: "✓", delivered: "✓✓", read: "✓✓", owed: "✓", acknowledged: "✓✓", "given up": "⚠"};
    if (item.state === "failed") {
      return {sign: `⚠ ${item.code ?? ""}`, words: `failed, ${item.code}: ${errorTitle(item.code)}${lost}`};
    }
    const words = {
      accepted: "accepted, no receipt yet", owed: `said${item.tries ? `, ${item.tries} tries so far` : ", not delivered to the webhook yet"}`,
      acknowledged: "acknowledged by the webhook", "given up": "the webhook never acknowledged it",
    };
    return {sign: signs[item.state] || "", words: `${words[item.state] || item.state}${lost}`};
  }
}
