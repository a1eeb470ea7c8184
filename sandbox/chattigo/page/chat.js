// The conversation that is looked at, and everything that its customer, or a human agent, can do in it.

const SHOWN_AT_FIRST = 60;

class Chat {
  constructor(model, setup) {
    Object.assign(this, {model, setup, phone: null, shown: SHOWN_AT_FIRST, nodes: new Map()});
    this.bubbles = new Bubbles({
      press: (one, item, style) => this.press(one, item, style), show: (item) => this.list(item),
      react: (item, emoji) => this.react(item, emoji), quoted: (id) => model.items.get(id),
    });
    $("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    $("text").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    $("earlier").addEventListener("click", () => this.earlier());
    $("samples-open").addEventListener("click", () => this.samples($("samples").hidden));
    $("human-take").addEventListener("click", () => this.human("take"));
    $("human-return").addEventListener("click", () => this.human("return"));
    put($("samples"), ...setup.samples.map((name) => h("button", {type: "button", onclick: () => this.say({sample: name})}, name.replaceAll("_", " "))));
  }

  look(phone) {
    this.phone = phone;
    this.shown = SHOWN_AT_FIRST;
    this.nodes.clear();
    put($("messages"));
    $("composer").hidden = $("human").hidden = !phone;
    write($("chat-title"), "No conversation");
    write($("chat-line"), "Choose a customer, or make a new one.");
    this.samples(false);
    this.draw();
    $("scroll").scrollTop = $("scroll").scrollHeight;
  }

  draw() {
    const phone = this.phone;
    if (!phone) return;
    write($("chat-title"), phone.name || phone.contact);
    write($("chat-line"), `${phone.contact} writes to ${phone.did}${phone.human ? ", a human agent answers" : ""}`);
    $("human-take").hidden = phone.human;
    $("human-return").hidden = $("as-field").hidden = !phone.human;
    if (!phone.human) $("as").value = "customer";
    const scroll = $("scroll"), below = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    const wanted = phone.items.slice(-this.shown);
    $("earlier").hidden = phone.items.length <= wanted.length;
    this.lay(wanted);
    if (below) scroll.scrollTop = scroll.scrollHeight;
  }

  lay(wanted) {
    const place = $("messages"), ids = new Set(wanted.map((item) => item.id));
    for (const [id, node] of this.nodes) {
      if (ids.has(id)) continue;
      node.remove();
      this.nodes.delete(id);
    }
    wanted.forEach((item, at) => {
      let node = this.nodes.get(item.id);
      if (!node) {
        node = this.bubbles.draw(item);
        this.nodes.set(item.id, node);
      } else if (node.version !== item.version) this.bubbles.update(node, item);
      if (place.children[at] !== node) place.insertBefore(node, place.children[at] || null);
    });
  }

  earlier() {
    const scroll = $("scroll"), height = scroll.scrollHeight;
    this.shown += SHOWN_AT_FIRST;
    this.draw();
    scroll.scrollTop += scroll.scrollHeight - height;
  }

  samples(open) {
    $("samples").hidden = !open;
    $("samples-open").setAttribute("aria-expanded", String(open));
  }

  // What the customer says: {message} or {sample}.
  say(what) {
    const {did, contact, name} = this.phone;
    return call("POST", "customers/say", {did, contact, ...(name ? {name} : {}), ...what});
  }

  async send() {
    const field = $("text"), text = field.value.trim();
    if (!text || !this.phone) return;
    const {did, contact} = this.phone;
    const human = !$("as-field").hidden && $("as").value === "human";
    const done = await (human ? call("POST", "humans/say", {did, contact, text}) : this.say({message: text}));
    if (done) field.value = "";
    field.focus();
  }

  press(one, item, style) {
    const reply = {id: one.id, title: one.title, ...(one.description ? {description: one.description} : {})};
    const context = {context: {id: item.id}};
    if (style === "template") return this.say({message: {type: "button", button: {payload: one.id, text: one.title}, ...context}});
    const kind = style === "list" ? "list_reply" : "button_reply";
    return this.say({message: {type: "interactive", interactive: {type: kind, [kind]: reply}, ...context}});
  }

  react(item, emoji) {
    const reaction = {message_id: item.id, ...(emoji ? {emoji} : {})};
    return this.say({message: {type: "reaction", reaction}});
  }

  list(item) {
    const {items, button} = item.what.choices;
    ask(button || "Ver", (close) => {
      const row = (one, at) => h("label", {class: "row"}, h("input", {type: "radio", name: "row", value: at, checked: at === 0}),
        h("span", {dir: "auto"}, one.title, one.description ? h("small", {}, one.description) : null));
      let section = "";
      const lines = items.flatMap((one, at) => {
        const head = one.section && one.section !== section ? [h("h3", {dir: "auto"}, one.section)] : [];
        section = one.section;
        return [...head, row(one, at)];
      });
      const send = (event) => {
        event.preventDefault();
        const picked = new FormData(event.target).get("row");
        close();
        if (picked !== null) this.press(items[Number(picked)], item, "list");
      };
      return [h("form", {onsubmit: send}, ...lines, h("p", {class: "actions"}, h("button", {type: "submit", class: "main"}, "Send"), h("button", {type: "button", onclick: close}, "Cancel")))];
    });
  }

  human(action) {
    const {did, contact} = this.phone;
    return call("POST", `humans/${action}`, {did, contact});
  }
}
