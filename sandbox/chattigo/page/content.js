// What a message says, out of any of its forms, as one plain description:
// {kind, text, title, footer, file, link, media: {kind, file, link}, cards: [{name, phones}], lines: [],
//  choices: {style, button, items: [{id, title, description}]}}
// Bodies are whatever somebody sent: every field may be missing or of another type.

const object = (value) => (value && typeof value === "object" ? value : {});
const list = (value) => (Array.isArray(value) ? value : []);
const word = (value) => (value === null || value === undefined || typeof value === "object" ? "" : String(value));
const known = (table, key) => (Object.hasOwn(table, key) ? table[key] : "");
const FILES = ["image", "video", "audio", "document", "sticker"];

// Of a message in WhatsApp's form: `kind`, and the object of that kind.
function ofCloud(kind, payload) {
  const it = object(payload);
  if (kind === "text") return {kind, text: word(it.body)};
  if (FILES.includes(kind)) return {kind, text: word(it.caption), ...ofFile(it)};
  if (kind === "location") return ofPlace(it);
  if (kind === "contacts") return {kind, cards: list(payload).map(ofCard)};
  if (kind === "interactive") return ofInteractive(it);
  if (kind === "button") return {kind: "text", text: word(it.text)};
  if (kind === "reaction") return {kind, text: word(it.emoji), of: word(it.message_id)};
  if (kind === "template") return ofTemplate(word(it.name), word(object(it.language).code), components(it));
  if (kind === "order") return {kind, text: word(it.text), lines: list(it.product_items).map(ofProduct)};
  if (kind === "system") return {kind, text: word(it.body)};
  return {kind: kind || "unknown"};
}

function ofFile(it) {
  return {file: word(it.filename) || word(it.id) || word(it.link).split("/").pop(), link: word(it.link) || word(it.url)};
}

function ofPlace(it) {
  const where = `${word(it.latitude)}, ${word(it.longitude)}`;
  return {kind: "location", title: word(it.name), lines: [word(it.address), where].filter(Boolean)};
}

function ofCard(one) {
  const phones = list(object(one).phones).map((phone) => word(object(phone).phone));
  return {name: word(object(object(one).name).formatted_name), phones: phones.filter(Boolean)};
}

function ofProduct(one) {
  const it = object(one);
  return `${word(it.quantity)} × ${word(it.product_retailer_id)} · ${word(it.item_price)} ${word(it.currency)}`;
}

function components(it) {
  const found = {body: [], header: [], buttons: []};
  for (const part of list(it.components).map(object)) {
    const kind = word(part.type).toLowerCase(), into = kind === "button" ? found.buttons : found[kind];
    if (Array.isArray(into)) into.push(...list(part.parameters).map((one) => filled(one)));
  }
  return found;
}

function filled(value) {
  const it = object(value), media = object(it[word(it.type)]);
  return word(value) || word(it.text) || word(it.payload) || word(media.link) || word(media.id) || word(it.mediaUrl);
}

// Of a template, as its texts look with the variables filled in; without texts, its name and the variables.
function ofTemplate(name, language, values) {
  const looks = templateLooks(name, language), body = list(values.body).map(filled), header = list(values.header).map(filled);
  const fill = (text, with_) => word(text).replace(/\{\{(\d+)\}\}/g, (hole, number) => with_[number - 1] ?? hole);
  const items = list(looks.buttons).map((title, at) => ({id: filled(list(values.buttons)[at]) || title, title: word(title)}));
  return {
    kind: "template", name: `${name} · ${language}`, footer: word(looks.footer),
    title: fill(looks.header, header) || header.join(" · "),
    text: fill(looks.body, body), lines: looks.body ? [] : body,
    choices: items.length ? {style: "template", items} : null,
  };
}

// Of Chattigo's flat form, in both directions.
function ofFlat(body) {
  const it = object(body), attachment = object(it.attachment), menu = object(it.interactiveMsg);
  const kind = word(it.type).toLowerCase(), text = word(it.content);
  if (it.attachment && it.isAttachment) {
    const file = word(attachment.fileName) || word(attachment.mediaUrl).split("/").pop();
    return {kind: FILES.includes(kind) ? kind : "document", text, file, link: word(attachment.mediaUrl)};
  }
  if (kind === "location") return {kind, lines: [text]};
  if (!it.interactiveMsg) return {kind: kind || "unknown", text};
  const items = list(menu.choices).map((one) => choice(one));
  const said = {kind: "text", text: word(menu.body) || text, title: word(menu.titleList)};
  return items.length ? {...said, choices: {style: "list", button: word(menu.titleList) || "Ver", items}} : said;
}

// One line of it, for a list or a quotation.
function summary(what) {
  const files = {image: "Photo", video: "Video", audio: "Voice message", document: "Document", sticker: "Sticker"};
  const named = known({...files, location: "Place", contacts: "Contact", order: "Order", form: "Form", reaction: "Reaction"}, what.kind);
  const first = list(what.lines).filter(Boolean)[0] || object(list(what.cards)[0]).name;
  const rest = what.text || what.title || first || what.name || (named ? "" : what.kind);
  return brief([named, rest].filter(Boolean).join(": "), 80);
}
