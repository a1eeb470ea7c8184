// What the page knows, out of the ledger's entries: phones with their messages, and the calls and webhooks.
// Promises: however many entries come, it keeps a bounded number of phones, messages and rows. Touches no element.

const PHONES_KEPT = 2000, MESSAGES_KEPT = 400, ROWS_KEPT = 1000;
const RANK = {accepted: 0, sent: 1, delivered: 2, read: 3};

// One text for all forms of a number, as the ledger has it.
function person(number) {
  if (/^54[^9]/.test(number) && number.length === 12) return `549${number.slice(2)}`;
  if (number.startsWith("521") && number.length === 13) return `52${number.slice(3)}`;
  return /^55..[6789]/.test(number) && number.length === 12 ? `${number.slice(0, 4)}9${number.slice(4)}` : number;
}

class Model {
  constructor() {
    this.phones = new Map(); // by "did|contact"
    this.items = new Map(); // by wamid or event id
    this.calls = [];
    this.posts = [];
    this.open = ""; // the phone that is looked at
    this.turned = new Set(); // what somebody turned since it was last asked: knobs, faults, services
    this.fresh = []; // what the business said in that conversation since it was last told
  }

  apply(entry) {
    const way = {
      message: this.message, recipient: this.recipient, event: this.event, receipt: this.receipt, webhook: this.webhook,
      call: this.call, human: this.human, control: this.control, expired: this.expired, brought: this.brought,
      registration: () => this.turned.add("services"), knobs: () => this.turned.add("knobs"),
      fault: () => this.turned.add("faults"), template: () => this.turned.add("services"),
    }[entry.type];
    if (way) way.call(this, entry);
  }

  phone(did, contact, name) {
    const key = `${did}|${contact}`;
    let phone = this.phones.get(key);
    if (!phone) {
      phone = {key, did, contact, name: "", items: [], unread: 0, at: 0, wrote: 0, last: "", human: false};
      this.phones.set(key, phone);
      if (this.phones.size > PHONES_KEPT) this.forget(key);
    }
    if (name) phone.name = name;
    return phone;
  }

  forget(fresh) {
    const old = [...this.phones.values()].filter((one) => one.key !== this.open && one.key !== fresh).sort((a, b) => a.at - b.at);
    for (const phone of old.slice(0, PHONES_KEPT / 10)) {
      for (const item of phone.items) this.items.delete(item.id);
      this.phones.delete(phone.key);
    }
  }

  add(phone, item) {
    item.version = 0;
    item.phone = phone.key;
    phone.items.push(item);
    if (!item.note) this.items.set(item.id, item);
    if (phone.items.length > MESSAGES_KEPT) this.items.delete(phone.items.shift().id);
    phone.at = item.at;
    if (item.note) return;
    phone.last = summary(item.what);
    if (item.side !== "business") return;
    if (phone.key !== this.open) phone.unread += 1;
    else this.fresh.push(item);
  }

  note(phone, entry, text) {
    this.add(phone, {id: `note-${entry.seq}`, at: entry.at_ms, note: text});
  }

  react(by, id, emoji) {
    const item = this.items.get(id);
    if (!item) return false;
    item.reactions = {...item.reactions, [by]: emoji};
    item.version += 1;
    return true;
  }

  message(entry) {
    const body = entry.body, cloud = entry.service === "isv";
    const what = cloud ? ofCloud(entry.kind, body) : ofFlat(body);
    if (what.kind === "reaction") return this.react("business", what.of, what.text);
    const item = {id: entry.wamid, side: "business", at: entry.at_ms, what, quotes: entry.context, state: "accepted", lost: []};
    return this.add(this.phone(entry.did, entry.contact), item);
  }

  recipient(entry) {
    const what = ofTemplate(entry.template, entry.language, entry.filled || {});
    const item = {id: entry.wamid, side: "business", at: entry.at_ms, what, state: "accepted", lost: []};
    this.add(this.phone(entry.did, entry.contact), item);
  }

  event(entry) {
    if (entry.origin !== "customer" && entry.origin !== "raw") return;
    if (!entry.contact) return;
    const body = object(entry.body), phone = this.phone(entry.did, entry.phone || entry.contact, entry.name);
    if (entry.origin === "customer") phone.wrote = entry.at_ms;
    const kind = word(body.type);
    const what = !entry.body ? {kind: entry.origin === "raw" ? "raw body" : entry.kind}
      : entry.format === "cloud" ? ofCloud(kind, body[kind]) : ofFlat(body);
    if (what.kind === "reaction" && this.react("customer", what.of, what.text)) {
      Object.assign(phone, {at: entry.at_ms, last: summary(what)});
      return;
    }
    const quotes = word(object(body.context).id);
    this.add(phone, {id: entry.event, side: "customer", at: entry.at_ms, what, quotes, state: "owed", tries: 0});
  }

  // What a client's own channel brought (Webhook Chattigo); what was lost there is told by its call.
  brought(entry) {
    if (!entry.taken || !entry.contact) return;
    const what = entry.content ? {kind: "text", text: entry.content} : {kind: entry.kind || "unknown"};
    this.add(this.phone(entry.did, entry.contact), {id: `brought-${entry.seq}`, side: "customer", at: entry.at_ms, what, state: ""});
  }

  receipt(entry) {
    const item = this.items.get(entry.wamid);
    if (!item || item.side !== "business") return;
    if (entry.lost) item.lost.push(entry.state);
    if (entry.state === "failed" && (RANK[item.state] ?? 9) < RANK.delivered) {
      item.state = "failed";
      item.code = entry.code;
    } else if (RANK[entry.state] > (RANK[item.state] ?? 0)) item.state = entry.state;
    item.version += 1;
  }

  webhook(entry) {
    this.row(this.posts, entry);
    for (const id of entry.events) {
      const item = this.items.get(id);
      if (!item || item.side !== "customer") continue;
      item.tries += entry.duplicate ? 0 : 1;
      if (entry.acked) item.state = "acknowledged";
      else if (entry.last && item.state !== "acknowledged") item.state = "given up";
      item.version += 1;
    }
  }

  call(entry) {
    this.row(this.calls, entry);
    if (entry.fault) this.turned.add("faults");
  }

  expired(entry) {
    if (!entry.call) this.row(this.calls, {...entry, route: "tokens killed", reason: entry.service, status: ""});
  }

  human(entry) {
    const phone = this.phone(entry.did, entry.contact);
    if (entry.action === "say") {
      const what = {kind: "text", text: entry.text || "(not on record)"};
      this.add(phone, {id: `human-${entry.seq}`, side: "business", by: "human agent", at: entry.at_ms, what, state: "", lost: []});
      return;
    }
    phone.human = entry.action === "take";
    this.note(phone, entry, phone.human ? "A human agent has the conversation" : "The bot has the conversation");
  }

  control(entry) {
    const phone = this.phone(entry.did, entry.contact);
    const texts = {transfer: "The bot hands over", group: "The bot hands over to a group", close: "The bot closes the chat", timeout: "The chat timed out"};
    if (entry.kind === "close" || entry.kind === "timeout") phone.human = false;
    this.note(phone, entry, texts[entry.kind] || entry.kind);
  }

  row(rows, entry) {
    rows.push(entry);
    if (rows.length > ROWS_KEPT * 1.2) rows.splice(0, rows.length - ROWS_KEPT);
  }

  look(key) {
    this.open = key;
    const phone = this.phones.get(key);
    if (phone) phone.unread = 0;
    return phone;
  }

  get unread() {
    let sum = 0;
    for (const phone of this.phones.values()) sum += phone.unread;
    return sum;
  }
}
