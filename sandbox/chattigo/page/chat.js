// The conversation that is looked at, and everything that its customer, or a human agent, can do in it.

const SHOWN_AT_FIRST = 60, WINDOW_MS = 24 * 3600 * 1000, TOLD_EACH_MS = 1500;

class Chat {
  constructor(model, setup) {
    Object.assign(this, {model, setup, phone: null, shown: SHOWN_AT_FIRST, nodes: new Map(), addresses: null, told: 0});
    this.kinds = new Map(setup.lines.map((line) => [line.did, line.kind]));
    this.bubbles = new Bubbles({
      press: (one, item, style) => this.press(one, item, style), show: (item) => askRow(item, (one) => this.press(one, item, "list")),
      react: (item, emoji) => this.react(item, emoji), quoted: (id) => this.model.items.get(id),
    });
    $("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    $("text").addEventListener("keydown", (event) => this.key(event));
    $("earlier").addEventListener("click", () => this.earlier());
    $("latest").addEventListener("click", () => this.down());
    $("scroll").addEventListener("scroll", () => { if (this.below()) $("latest").hidden = true; }, {passive: true});
    $("samples-open").addEventListener("click", () => this.samples($("samples").hidden));
    $("samples").addEventListener("keydown", (event) => { if (event.key === "Escape") this.samples(false, true); });
    $("human-take").addEventListener("click", () => this.human("take"));
    $("human-return").addEventListener("click", () => this.human("return"));
    put($("samples"), ...setup.samples.map((name) => h("button", {type: "button", onclick: () => this.say({sample: name})}, name.replaceAll("_", " "))));
  }

  look(phone) {
    this.phone = phone;
    this.shown = SHOWN_AT_FIRST;
    this.nodes.clear();
    put($("messages"));
    $("scroll").hidden = $("composer").hidden = $("chat-marks").hidden = $("chat-face").hidden = !phone;
    $("welcome").hidden = Boolean(phone);
    $("nowhere").hidden = true;
    write($("chat-title"), "No conversation");
    write($("chat-line"), "Choose a customer, or make a new one.");
    if (phone) put($("chat-face"), face(phone.name, phone.contact));
    this.samples(false);
    this.model.fresh = [];
    this.draw();
    this.down();
  }

  draw() {
    const phone = this.phone;
    if (!phone) return;
    const kind = this.kinds.get(phone.did), channel = kind === "channel";
    write($("chat-title"), phone.name || phone.contact);
    write($("chat-line"), `${phone.contact} to ${phone.did} (${kind || "no line here"})`);
    this.marks(phone, channel);
    this.owner(phone.human);
    $("as-field").hidden = !phone.human || channel;
    $("samples-open").hidden = channel;
    if (!phone.human) $("as").value = "customer";
    $("nowhere").hidden = this.addresses === null || this.addresses.has(phone.did);
    const below = this.below(), wanted = phone.items.slice(-this.shown), last = wanted[wanted.length - 1];
    $("earlier").hidden = phone.items.length <= wanted.length;
    this.lay(wanted);
    if (below) this.down();
    else if (last && last.id !== this.seen) $("latest").hidden = false;
    this.seen = last?.id;
    this.tell();
  }

  // One button or the other; who pressed the one stands on the other.
  owner(human) {
    const [gone, here] = human ? ["human-take", "human-return"] : ["human-return", "human-take"];
    const focused = document.activeElement === $(gone);
    $(here).hidden = false;
    $(gone).hidden = true;
    if (focused) $(here).focus();
  }

  marks(phone, channel) {
    const owner = $("chat-owner"), mark = $("chat-window"), open = Date.now() - phone.wrote < WINDOW_MS;
    write(owner, phone.human ? "human agent" : "bot");
    owner.className = `chip ${phone.human ? "human" : "plainly"}`;
    write(mark, open ? `window open for ${Math.ceil((phone.wrote + WINDOW_MS - Date.now()) / 3600_000)} h` : "window closed: templates only");
    mark.className = `chip ${open ? "fine" : "odd"}`;
    mark.hidden = channel;
  }

  below() {
    const scroll = $("scroll");
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  }

  down() {
    if (document.activeElement === $("latest")) $("scroll").focus();
    $("scroll").scrollTop = $("scroll").scrollHeight;
    $("latest").hidden = true;
  }

  // The days between are items of their own.
  lay(wanted) {
    let before = "";
    const laid = wanted.flatMap((item) => {
      const today = day(item.at), head = today === before ? [] : [{id: `day-${today}`, note: today}];
      before = today;
      return [...head, item];
    });
    const ids = new Set(laid.map((item) => item.id)), kept = [];
    for (const [id, node] of this.nodes) {
      if (ids.has(id)) continue;
      if (node.contains(document.activeElement)) kept.push(node); // who is in a message stays in it
      else {
        node.remove();
        this.nodes.delete(id);
      }
    }
    order($("messages"), [...kept, ...laid.map((item) => this.node(item))]);
  }

  node(item) {
    let node = this.nodes.get(item.id);
    if (!node) {
      node = this.bubbles.draw(item);
      this.nodes.set(item.id, node);
    } else if (node.version !== item.version) this.bubbles.update(node, item);
    return node;
  }

  // Who listens hears what the business says, not more often than he can follow, and nothing of receipts.
  tell() {
    if (!this.model.fresh.length || this.telling) return;
    this.telling = setTimeout(() => {
      const all = this.model.fresh.splice(0), last = all[all.length - 1];
      this.telling = 0;
      this.told = Date.now();
      if (!last) return;
      const words = `${all.length > 1 ? `${all.length} new messages, the last one: ` : ""}${last.by || "Business"}: ${summary(last.what)}`;
      write($("news"), words === $("news").textContent ? `${words}\u00a0` : words); // the same words again are news, too
    }, Math.max(0, this.told + TOLD_EACH_MS - Date.now()));
  }

  earlier() {
    const scroll = $("scroll"), height = scroll.scrollHeight;
    this.shown += SHOWN_AT_FIRST;
    this.draw();
    scroll.scrollTop += scroll.scrollHeight - height;
    if ($("earlier").hidden) scroll.focus();
  }

  samples(open, back) {
    const below = this.below();
    $("samples").hidden = !open;
    $("samples-open").setAttribute("aria-expanded", String(open));
    if (below) this.down();
    if (back) $("samples-open").focus();
  }

  // What the customer says: {message} or {sample}.
  say(what) {
    const {did, contact, name} = this.phone;
    return this.post("customers/say", {did, contact, ...(name ? {name} : {}), ...what});
  }

  // One after the other, in the order in which they were said.
  post(path, body) {
    this.posted = (this.posted || Promise.resolve()).then(() => call("POST", path, body));
    return this.posted;
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.send();
  }

  async send() {
    const field = $("text"), text = field.value.trim();
    if (!text || !this.phone) return;
    const {did, contact} = this.phone, channel = this.kinds.get(did) === "channel";
    const human = channel || (!$("as-field").hidden && $("as").value === "human");
    field.value = "";
    const done = await (human ? this.post("humans/say", {did, contact, text}) : this.say({message: text}));
    if (!done && !field.value) field.value = text;
  }

  press(one, item, style) {
    if (style === "form") return askForm(one, (form) => this.say({message: answerTo(item, one, style, form)}));
    return this.say({message: answerTo(item, one, style)});
  }

  react(item, emoji) {
    const reaction = {message_id: item.id, ...(emoji ? {emoji} : {})};
    return this.say({message: {type: "reaction", reaction}});
  }

  human(action) {
    const {did, contact} = this.phone;
    return this.post(`humans/${action}`, {did, contact});
  }
}
