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
    const wanted = this.wanted(), shown = wanted.slice(0, PHONES_SHOWN), focused = document.activeElement;
    const keys = new Set(shown.map((one) => one.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    const place = $("phone-list");
    shown.forEach((phone, at) => {
      const row = this.row(phone);
      if (place.children[at] !== row) place.insertBefore(row, place.children[at] || null);
    });
    if (focused !== document.activeElement && focused.isConnected) focused.focus();
    const rest = wanted.length - shown.length;
    write($("phone-rest"), rest > 0 ? `and ${rest} more; find them by name or number` : wanted.length ? "" : "nobody yet");
  }

  row(phone) {
    let row = this.rows.get(phone.key);
    if (!row) {
      const parts = {};
      for (const name of ["name", "time", "last", "unread"]) parts[name] = h("span", {class: name, dir: name === "last" || name === "name" ? "auto" : null});
      const button = h("button", {type: "button", onclick: () => this.choose(phone.key)}, parts.name, parts.time, parts.last, parts.unread);
      row = h("li", {}, button);
      Object.assign(row, {parts, button});
      this.rows.set(phone.key, row);
    }
    const {parts, button} = row;
    write(parts.name, phone.name ? `${phone.name} · ${phone.contact}` : phone.contact);
    write(parts.time, phone.at ? clock(phone.at) : "");
    write(parts.last, `${phone.human ? "👤 " : ""}${phone.last}`);
    write(parts.unread, phone.unread ? String(phone.unread) : "");
    parts.unread.title = phone.unread ? `${phone.unread} unread` : "";
    if (phone.key === this.model.open) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    return row;
  }

  walk(event) {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (!step) return;
    const buttons = [...$("phone-list").querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next) next.focus();
    event.preventDefault();
  }
}
