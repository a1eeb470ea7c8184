// Everything together: the feed of the ledger, one drawing for many entries, panes and tabs, the address of the page.

let texts = new Map(), errors = {}; // of templates by name and language, of errors by number
const templateLooks = (name, language) => object(texts.get(`${name}|${language}`));
const errorTitle = (code) => errors[code] || "an error of WhatsApp";
const DEFAULTS = "defaults"; // the profile that sets nothing

class App {
  constructor(setup) {
    this.setup = setup;
    this.ledger = "";
    errors = setup.errors;
    this.looks(setup.templates);
    $("line-filter").append(...setup.lines.map((one) => h("option", {value: one.did}, `${one.did} (${one.kind})`)));
    this.knobs = new Knobs(setup);
    this.faults = new Faults(setup);
    this.services = new Services(setup, (found) => this.heard(found));
    this.begin();
    this.panes();
    this.tabs();
    for (const one of document.querySelectorAll(".new-customer")) one.addEventListener("click", () => this.customer());
    $("profile").addEventListener("change", () => this.profile());
    $("differs").addEventListener("click", () => this.desk("knobs", () => this.knobs.look("turned")));
    $("nowhere").querySelector("button").addEventListener("click", () => this.address());
    addEventListener("hashchange", () => this.follow());
  }

  // From nothing: at first, and when the ledger is another one.
  begin() {
    this.model = new Model();
    this.phones ??= new Phones(this.model, (key) => { location.hash = key.replace("|", "/"); this.follow(true); });
    this.chat ??= new Chat(this.model, this.setup);
    this.calls ??= new Lines("calls", this.model.calls, callColumns, badCall);
    this.posts ??= new Lines("posts", this.model.posts, postColumns, badPost);
    this.phones.model = this.chat.model = this.model;
    for (const lines of [this.calls, this.posts]) lines.key = null;
    [this.calls.rows, this.posts.rows] = [this.model.calls, this.model.posts];
    this.model.turned = new Set(["knobs", "faults", "services"]);
    this.chat.look(null);
  }

  watch() {
    const feed = new EventSource("/_sandbox/page/feed");
    const state = (name, words) => { $("link").dataset.state = name; write($("link"), words); };
    feed.addEventListener("hello", (event) => {
      const {ledger, missed} = JSON.parse(event.data);
      if (this.ledger && this.ledger !== ledger) this.begin();
      else for (const what of ["knobs", "faults", "services"]) this.model.turned.add(what); // a restart forgets what was turned
      this.ledger = ledger;
      state("live", missed ? `live, without the ${missed} oldest entries` : "live");
    });
    feed.addEventListener("entries", (event) => {
      const {entries, written, pending} = JSON.parse(event.data);
      for (const entry of entries) this.model.apply(entry);
      write($("owed"), `${some(written, "entry")}, ${pending} owed`);
      this.later();
    });
    feed.onerror = () => {
      state("wait", "the sandbox is away, trying again");
      if (feed.readyState !== EventSource.CLOSED) return;
      feed.close();
      setTimeout(() => this.watch(), 1000);
    };
  }

  later() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.draw();
    }, 60);
  }

  draw() {
    if (this.chat.phone === null) this.follow();
    this.phones.draw();
    this.chat.draw();
    this.calls.draw();
    this.posts.draw();
    const unread = this.model.unread;
    document.title = `${unread ? `(${unread}) ` : ""}Chattigo's sandbox`;
    this.refresh();
  }

  // What was turned, here or elsewhere, is asked anew, not more often than once in half a second.
  async refresh() {
    if (!this.model.turned.size || this.refreshing) return;
    this.refreshing = true;
    const turned = this.model.turned;
    this.model.turned = new Set();
    if (turned.has("knobs")) await this.turned();
    if (turned.has("faults")) await this.faults.load();
    if (turned.has("services")) await this.services.load();
    setTimeout(() => { this.refreshing = false; this.refresh(); }, 500);
  }

  async turned() {
    const found = await call("GET", "page/knobs");
    if (!found) return;
    this.knobs.show(found);
    const names = [...new Set([...(found.profile ? [] : [""]), DEFAULTS, ...found.profiles, ...(found.profile ? [found.profile] : [])])];
    const select = $("profile");
    if (names.join() !== [...select.options].map((one) => one.value).join()) put(select, ...names.map((value) => h("option", {value}, value || "as configured")));
    select.value = found.profile;
    $("profile-field").hidden = false;
    const count = this.knobs.turned;
    $("differs").hidden = !count;
    write($("differs"), `${some(count, "knob")} turned`);
  }

  async profile() {
    const name = $("profile").value;
    if (name) await call("POST", "profile", name === DEFAULTS ? {name, knobs: {}} : {name});
    this.model.turned.add("knobs");
    this.refresh();
  }

  // What the services told: where webhooks go, and how templates look.
  heard({urls, templates}) {
    this.looks(templates);
    this.chat.addresses = new Set(Object.keys(urls).filter((key) => urls[key]).map((key) => key.split("|")[0]));
    this.chat.draw();
  }

  looks(templates) {
    texts = new Map(templates.map((one) => [`${one.name}|${one.language}`, one.looks]));
  }

  // The conversation that the address names; `move`: the reader asked for it just now.
  follow(move) {
    const [did, contact] = location.hash.slice(1).split("/");
    const key = `${did}|${contact}`;
    if (contact && this.chat.phone?.key !== key && this.model.phones.has(key)) this.chat.look(this.model.look(key));
    if (!move) return;
    document.body.dataset.pane = "chat";
    this.draw();
    this.chat.down();
    $("text").focus();
  }

  customer() {
    ask("New customer", (close) => {
      const lines = this.setup.lines.filter((one) => one.kind !== "channel"); // its customers come with what the client brings
      const line = h("select", {}, ...lines.map((one) => h("option", {value: one.did}, `${one.did} (${one.kind})`)));
      const number = h("input", {inputmode: "numeric", pattern: "[0-9]{7,15}", required: true, autocomplete: "off", value: `5691${String(Math.floor(Math.random() * 1e7)).padStart(7, "0")}`});
      const name = h("input", {autocomplete: "off", value: "Ana", maxlength: 40});
      const make = (event) => {
        event.preventDefault();
        const phone = this.model.phone(line.value, person(number.value), name.value);
        phone.at ||= Date.now();
        close();
        this.phones.choose(phone.key);
      };
      return [h("form", {class: "sheet", onsubmit: make}, h("label", {}, "Line ", line), h("label", {}, "Number ", number), h("label", {}, "Name ", name), endings("Make", close))];
    });
  }

  panes() {
    for (const button of $("panes").querySelectorAll("button")) {
      button.addEventListener("click", () => {
        document.body.dataset.pane = button.dataset.to;
        this.draw();
        this.chat.down();
      });
    }
  }

  // Show a panel of the desk, whatever the width; `then` with it in sight.
  desk(panel, then) {
    if (getComputedStyle($("desk")).display === "none") document.body.dataset.pane = "desk";
    $(`tab-${panel}`).click();
    then();
  }

  address() {
    const {did} = this.chat.phone;
    this.desk("services", () => {
      const {input} = this.services.lines.get(did);
      input.scrollIntoView({block: "center"});
      input.focus();
    });
  }

  tabs() {
    const tabs = [...document.querySelectorAll("[role=tab]")];
    const show = (tab) => {
      for (const one of tabs) {
        one.setAttribute("aria-selected", String(one === tab));
        one.tabIndex = one === tab ? 0 : -1;
        $(one.getAttribute("aria-controls")).hidden = one !== tab;
      }
      this.draw();
    };
    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => show(tab));
      tab.addEventListener("keydown", (event) => {
        const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1}[event.key];
        if (to === undefined) return;
        event.preventDefault();
        const next = tabs[(to + tabs.length) % tabs.length];
        next.focus();
        show(next);
      });
    });
  }
}

async function start() {
  const setup = await call("GET", "page/setup");
  if (setup) new App(setup).watch();
  else setTimeout(start, 1000);
}
start();
