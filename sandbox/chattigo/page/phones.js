// The list of customers: the latest first, as many rows as anybody looks at, whatever the number of phones.

const PHONES_SHOWN = 60;

class Phones {
  constructor(model, choose) {
    Object.assign(this, {model, choose});
    this.rows = new Map();
    for (const id of ["line-filter", "phone-filter"]) $(id).addEventListener("input", () => this.draw());
    $("phone-list").addEventListener("keydown", (event) => this.walk(event));
  }

  wanted() {
    const line = $("line-filter").value, find = $("phone-filter").value.trim().toLowerCase();
    return [...this.model.phones.values()]
      .filter((one) => (!line || one.did === line) && (!find || `${one.name} ${one.contact}`.toLowerCase().includes(find)))
      .sort((a, b) => b.at - a.at || (a.key < b.key ? -1 : 1));
  }

  draw() {
    const wanted = this.wanted(), shown = wanted.slice(0, PHONES_SHOWN), keys = new Set(shown.map((one) => one.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      const phone = this.model.phones.get(key);
      if (phone && row.contains(document.activeElement)) shown.push(phone); // who is in a row stays in it
      else {
        row.remove();
        this.rows.delete(key);
      }
    }
    order($("phone-list"), shown.map((phone) => this.row(phone)));
    const rest = wanted.length - shown.length;
    const none = this.model.phones.size ? "nobody like that" : "Nobody yet. Make a customer, or let one be written to.";
    write($("phone-rest"), rest > 0 ? `and ${rest} more; find them by name or number` : wanted.length ? "" : none);
  }

  row(phone) {
    let row = this.rows.get(phone.key);
    if (!row) {
      row = h("li");
      this.rows.set(phone.key, row);
    }
    if (row.named !== phone.name) this.fill(row, phone);
    const {parts, button} = row;
    write(parts.time, phone.at ? clock(phone.at) : "");
    write(parts.last, phone.last);
    write(parts.unread, phone.unread ? String(phone.unread) : "");
    parts.unread.title = phone.unread ? `${phone.unread} unread` : "";
    parts.owner.hidden = !phone.human;
    if (phone.key === this.model.open) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    return row;
  }

  fill(row, phone) {
    const parts = {}, focused = row.contains(document.activeElement);
    for (const name of ["time", "last", "unread"]) parts[name] = h("span", {class: name, dir: name === "last" ? "auto" : null});
    parts.owner = h("span", {class: "chip human", hidden: true}, "human");
    const name = h("span", {class: "name"}, h("bdi", {}, phone.name || phone.contact), phone.name ? h("span", {class: "quiet"}, ` ${phone.contact}`) : null);
    const button = h("button", {type: "button", onclick: () => this.choose(phone.key)}, face(phone.name, phone.contact), name, parts.time, parts.last,
      h("span", {class: "marks"}, parts.owner, parts.unread));
    put(row, button);
    Object.assign(row, {parts, button, named: phone.name});
    if (focused) button.focus();
  }

  walk(event) {
    const buttons = [...$("phone-list").querySelectorAll("button")], at = buttons.indexOf(document.activeElement);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1}[event.key];
    if (to === undefined) return;
    buttons[to]?.focus();
    event.preventDefault();
  }
}
