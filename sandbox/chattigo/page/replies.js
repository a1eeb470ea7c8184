// What a customer fills in before it can be sent: the rows of a list, the answers of a form.

// `send(one)` with the row that is picked.
function askRow(item, send) {
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
    const done = (event) => {
      event.preventDefault();
      const picked = new FormData(event.target).get("row");
      close();
      if (picked !== null) send(items[Number(picked)]);
    };
    return [h("form", {onsubmit: done}, ...lines, endings("Send", close))];
  });
}

// `send(text)` with the answers, which must be JSON.
function askForm(one, send) {
  ask(one.title, (close) => {
    const words = JSON.stringify({flow_token: one.token || "unused", name: "Ana"});
    const field = h("textarea", {rows: 4, spellcheck: "false"}, words);
    const check = () => {
      field.setCustomValidity("");
      try { JSON.parse(field.value); } catch { field.setCustomValidity("This is no JSON."); }
    };
    const done = (event) => {
      event.preventDefault();
      close();
      send(field.value);
    };
    field.addEventListener("input", check);
    return [h("form", {class: "sheet", onsubmit: done}, h("label", {}, "What the customer filled in, as JSON", field), endings("Send", close))];
  });
}
