// One message as WhatsApp shows it. What it says is drawn once; ticks and reactions are kept up to date.

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const SIGNS = new Map([["order", "🛒"], ["form", "📋"], ["system", "ℹ"]]);

// `press(choice, item, style)`, `show(item)` for a list, `react(item, emoji)`; `quoted(id)` gives an item or nothing.
class Bubbles {
  constructor({press, show, react, quoted}) {
    Object.assign(this, {press, show, react, quoted});
  }

  draw(item) {
    if (item.note) return h("p", {class: "note", "data-id": item.id}, item.note);
    const what = item.what, mine = item.side === "customer";
    const ticks = h("span", {class: "ticks", role: "img"}), reactions = h("span", {class: "reactions"});
    const foot = h("footer", {}, h("time", {datetime: new Date(item.at).toISOString()}, clock(item.at)), ticks);
    const node = h("article", {class: `bubble ${mine ? "mine" : "theirs"} ${item.by ? "agent" : ""} is-${FILES.includes(what.kind) ? what.kind : "words"}`, "data-id": item.id},
      h("span", {class: "hidden"}, mine ? "Customer: " : `${item.by || "Business"}: `),
      item.by ? h("p", {class: "by"}, item.by) : null,
      what.kind === "template" ? h("p", {class: "by"}, `template ${what.name}`) : null,
      this.quotation(item), ...this.body(what, foot), reactions,
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

  // The parts from above to below; the foot stands beside the last words.
  body(what, foot) {
    const sign = SIGNS.get(what.kind), text = (words) => h("p", {class: "text", dir: "auto"}, words);
    const words = [
      sign ? h("p", {class: "kind"}, h("span", {"aria-hidden": true}, `${sign} `), what.kind) : null,
      what.title ? h("p", {class: "title", dir: "auto"}, what.title) : null,
      what.text ? text(what.text) : null,
      ...list(what.lines).map(text),
      what.footer ? h("p", {class: "quiet", dir: "auto"}, what.footer) : null,
    ].filter(present);
    const own = FILES.includes(what.kind), file = own ? media(what) : what.media ? media(what.media) : null;
    const parts = [file, what.kind === "location" ? place() : null, ...list(what.cards).map(card), ...words];
    if (!own && (what.link || what.file)) parts.push(h("p", {class: "text"}, "↗ ", link(what.link, what.file || what.link)));
    if (!parts.some(present)) parts.push(h("p", {class: "odd"}, what.kind));
    const last = words.length && parts[parts.length - 1] === words[words.length - 1] ? parts.pop() : null;
    return [...parts.filter(present), h("div", {class: "ending"}, last, foot)];
  }

  choices(item, choices) {
    if (choices.style === "list") {
      return h("div", {class: "choices"}, h("button", {type: "button", dir: "auto", onclick: () => this.show(item)}, `☰ ${choices.button}`));
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
      open.parentNode.after(row);
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

// A file's place in a message: nothing is loaded, so it shows what it is and where it can be had.
function media({kind, file, link: address}) {
  const named = h("span", {class: "hidden"}, `${kind} `);
  if (kind === "image" || kind === "video" || kind === "sticker") {
    return h("p", {class: `picture ${kind}`}, h("span", {class: "sign", "aria-hidden": true}, {image: "🖼", video: "▶", sticker: "★"}[kind]), named, link(address, file, {class: "name"}));
  }
  const ending = /\.(\w{1,4})$/.exec(file || "")?.[1] || "file";
  const sign = kind === "audio" ? h("span", {class: "sign round", "aria-hidden": true}, "▶") : h("span", {class: "sign leaf", "aria-hidden": true}, ending.toUpperCase());
  const wave = kind === "audio" ? h("span", {class: "wave", "aria-hidden": true}) : null;
  return h("p", {class: `file ${kind}`}, sign, named, h("span", {class: "named"}, wave, link(address, file, {class: "name"})));
}

const place = () => h("p", {class: "map"}, h("span", {"aria-hidden": true}, "📍"), h("span", {class: "hidden"}, "location"));

const card = ({name, phones}) => h("p", {class: "file contact"}, face(name, phones[0] || name || "?"),
  h("span", {class: "named"}, h("span", {class: "hidden"}, "contact "), h("strong", {dir: "auto"}, name), h("span", {class: "quiet", dir: "auto"}, phones.join(" · "))));
