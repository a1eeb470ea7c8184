// Interactive messages of either side: what they show, and what a customer can answer to them.

function ofInteractive(it) {
  const picked = object(it[word(it.type)]);
  if (["button_reply", "list_reply"].includes(it.type)) {
    return {kind: "text", text: word(picked.title), lines: [word(picked.description)].filter(Boolean)};
  }
  if (it.type === "nfm_reply") return {kind: "form", text: word(picked.body), lines: [word(picked.response_json)]};
  const header = object(it.header), text = word(object(it.body).text);
  return {
    kind: "text", title: word(header.text), media: FILES.includes(header.type) ? {kind: header.type, ...ofFile(object(header[header.type]))} : null,
    text: text || (header.type ? "" : `[${word(it.type)}]`), footer: word(object(it.footer).text), ...offer(word(it.type), object(it.action)),
  };
}

function choice(value, section) {
  const it = object(value);
  return {id: word(it.id), title: word(it.title) || word(it.text), description: word(it.description), section: word(section)};
}

// What is offered below the words: {choices}, or a link.
function offer(type, action) {
  const parameters = object(action.parameters);
  const one = (style, title, more) => ({choices: {style, items: [{id: "", title, ...more}]}});
  if (type === "button") return {choices: {style: "reply", items: list(action.buttons).map((button) => choice(object(button).reply))}};
  if (type === "list") {
    const rows = list(action.sections).flatMap((part) => list(object(part).rows).map((row) => choice(row, object(part).title)));
    return {choices: {style: "list", button: word(action.button), items: rows}};
  }
  if (type === "cta_url") return {link: word(parameters.url), file: word(parameters.display_text)};
  if (type === "flow") return one("form", word(parameters.flow_cta) || "Form", {token: word(parameters.flow_token)});
  if (type === "location_request_message") return one("place", "Send location");
  if (["product", "product_list", "catalog_message"].includes(type)) {
    const parts = list(action.sections).flatMap((part) => list(object(part).product_items).map((item) => word(object(item).product_retailer_id)));
    const products = [word(action.product_retailer_id), word(parameters.thumbnail_product_retailer_id), ...parts].filter(Boolean);
    return {lines: products, ...one("order", "Order", {catalog: word(action.catalog_id) || "catalog", products})};
  }
  return {};
}

// The message with which a customer answers: `one` of the choices of `item`; `form` are the answers of a form, as JSON.
function answerTo(item, one, style, form) {
  const context = {context: {id: item.id}};
  const interactive = (kind, reply) => ({type: "interactive", interactive: {type: kind, [kind]: reply}, ...context});
  if (style === "template") return {type: "button", button: {payload: one.id, text: one.title}, ...context};
  if (style === "form") return interactive("nfm_reply", {response_json: form, body: "Sent", name: "flow"});
  if (style === "place") return {type: "location", location: {latitude: -33.4372, longitude: -70.6506, name: "Plaza de Armas", address: "Santiago"}, ...context};
  if (style === "order") {
    const items = (one.products.length ? one.products : ["sku-1"]).map((id) => ({product_retailer_id: id, quantity: 1, item_price: 1000, currency: "CLP"}));
    return {type: "order", order: {catalog_id: one.catalog, product_items: items}, ...context};
  }
  const reply = {id: one.id, title: one.title, ...(one.description ? {description: one.description} : {})};
  return interactive(style === "list" ? "list_reply" : "button_reply", reply);
}
