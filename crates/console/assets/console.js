// What pages do beside htmx: times in the reader's zone, and two keys. Without it they still read.

const shown = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = time.dateTime.replace("T", " ").replace("Z", " UTC");
    time.textContent = shown.format(at);
  }
}

localise(document);
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) if (node.querySelectorAll) localise(node);
  }
}).observe(document.body, { childList: true, subtree: true });

// What is wider than its place is scrolled with the keyboard too.
function reach() {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
reach();
addEventListener("resize", reach);

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const box = document.querySelector("form[role=search] input");
    if (box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  }
  if (event.key === "Escape" && !typing) {
    const open = event.target.closest("details[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  }
});

// Two times that are typed mean that they count, whatever range was chosen before.
for (const name of ["since", "until"]) {
  document.getElementById(name)?.addEventListener("input", () => {
    document.getElementById("range").value = "";
  });
}
document.getElementById("range")?.addEventListener("change", (event) => {
  if (event.target.value === "") document.querySelector("details.times").open = true;
});

// The bars of the log: drag over them to see their time.
const bars = document.querySelector("svg[data-from]");
if (bars) {
  const [from, to] = [bars.dataset.from, bars.dataset.to].map((text) => Date.parse(text));
  const mark = bars.querySelector(".slot").cloneNode();
  mark.setAttribute("class", "brush");
  let start = null;
  let moved = false;
  const share = (event) => {
    const box = bars.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  bars.addEventListener("dragstart", (event) => event.preventDefault());
  bars.addEventListener("pointerdown", (event) => {
    if (event.button === 0) [start, moved] = [share(event), false];
  });
  bars.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const ends = [start, share(event)].sort((one, other) => one - other);
    if (!moved && ends[1] - ends[0] < 0.008) return;
    if (!moved) {
      moved = true;
      bars.setPointerCapture(event.pointerId);
      bars.append(mark);
    }
    mark.setAttribute("x", ends[0] * 480);
    mark.setAttribute("width", (ends[1] - ends[0]) * 480);
  });
  bars.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const ends = [start, share(event)].sort((one, other) => one - other);
    start = null;
    if (!moved) return;
    const [since, until] = ends.map((end) => new Date(from + end * (to - from)).toISOString());
    const address = new URL(location.href);
    for (const name of ["range", "after", "live"]) address.searchParams.delete(name);
    address.searchParams.set("since", since);
    address.searchParams.set("until", until);
    location.assign(address);
  });
  bars.addEventListener("pointercancel", () => {
    start = null;
    mark.remove();
  });
  // A drag that ends on a bar is no click on it.
  bars.addEventListener("click", (event) => moved && event.preventDefault(), true);
}

// The filter's box: names of fields, then what may follow them.
const filter = document.querySelector("#filter[data-words]");
if (filter) {
  let fields = [];
  let values = {};
  const operators = ["eq", "ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"];
  const list = document.createElement("ul");
  list.id = "completions";
  list.role = "listbox";
  list.className = "completions";
  list.hidden = true;
  list.ariaLabel = "Completions";
  filter.after(list);
  filter.role = "combobox";
  for (const [name, value] of [["autocomplete", "list"], ["expanded", "false"], ["controls", list.id]]) {
    filter.setAttribute(`aria-${name}`, value);
  }
  let offered = [];
  let active = -1;

  // What is being typed at the caret: its kind's words, and where it begins.
  function asked() {
    const before = filter.value.slice(0, filter.selectionStart);
    const quotes = [...before.matchAll(/(?<!\\)"/g)];
    if (quotes.length % 2 === 1) {
      const begin = quotes.at(-1).index + 1;
      const field = before.slice(0, begin - 1).match(/(\S+)\s+\w+\s*$/)?.[1]?.replace(/^\(+/, "");
      return { begin, typed: before.slice(begin), words: values[field] ?? [], end: '" ' };
    }
    const typed = before.match(/[^\s()"]*$/)[0];
    const begin = before.length - typed.length;
    const last = before.slice(0, begin).trim().match(/\S+$/)?.[0] ?? "";
    if (last === "" || last.endsWith("(") || /^(and|or|not)$/i.test(last)) {
      return { begin, typed, words: fields, end: " " };
    }
    if (/["\)]$|^pr$/i.test(last)) return { begin, typed, words: ["and", "or"], end: " " };
    const known = operators.includes(last.toLowerCase());
    return { begin, typed, words: known ? [] : operators, end: " " };
  }

  function close() {
    list.hidden = true;
    active = -1;
    filter.setAttribute("aria-expanded", "false");
    filter.removeAttribute("aria-activedescendant");
  }

  function offer() {
    const { typed, words } = asked();
    const wanted = typed.toLowerCase();
    const rank = (word) => (word.toLowerCase().startsWith(wanted) ? 0 : 1);
    offered = words.filter((word) => word.toLowerCase().includes(wanted) && word !== typed);
    offered = offered.sort((one, other) => rank(one) - rank(other)).slice(0, 12);
    list.replaceChildren(
      ...offered.map((word, place) => {
        const item = document.createElement("li");
        item.role = "option";
        item.id = `completion-${place}`;
        item.textContent = word;
        item.ariaSelected = "false";
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(place);
        });
        return item;
      }),
    );
    if (offered.length === 0) return close();
    list.hidden = false;
    active = -1;
    filter.setAttribute("aria-expanded", "true");
    filter.removeAttribute("aria-activedescendant");
  }

  function point(to) {
    active = (to + offered.length) % offered.length;
    [...list.children].forEach((item, place) => (item.ariaSelected = String(place === active)));
    filter.setAttribute("aria-activedescendant", `completion-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  function take(place) {
    const { begin, end } = asked();
    const word = offered[place];
    const compares = operators.includes(word) && word !== "pr";
    const put = word + (compares ? ' "' : end);
    const rest = filter.value.slice(filter.selectionStart).replace(/^"\s?/, end.startsWith('"') ? "" : "$&");
    filter.value = filter.value.slice(0, begin) + put + rest;
    filter.setSelectionRange(begin + put.length, begin + put.length);
    offer();
  }

  filter.addEventListener("focus", async () => {
    const answer = await fetch(filter.dataset.words);
    if (answer.ok && !answer.redirected) ({ fields, values } = await answer.json());
    offer();
  }, { once: true });
  filter.addEventListener("input", offer);
  filter.addEventListener("click", offer);
  filter.addEventListener("blur", close);
  filter.addEventListener("keydown", (event) => {
    if (list.hidden) {
      if (event.key === "ArrowDown") offer();
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      point(active + (event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1));
    } else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) {
      event.preventDefault();
      take(active);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  });
}

// The live tail: each event is a row. What comes back says what it has seen last; where streams are refused,
// htmx asks every two seconds.
const live = document.getElementById("live");
if (live) {
  const rows = document.getElementById("rows");
  const most = 500;
  let last = "";

  function poll() {
    const address = new URL(live.dataset.poll, location.href);
    if (last) {
      address.searchParams.delete("range");
      address.searchParams.set("after", last);
    }
    const poller = document.createElement("div");
    poller.id = "poller";
    const settings = { "hx-get": address.pathname + address.search, "hx-trigger": "every 2s", "hx-swap": "outerHTML" };
    for (const [name, value] of Object.entries(settings)) poller.setAttribute(name, value);
    live.after(poller);
    window.htmx?.process(poller);
    live.textContent = "Live";
  }

  const source = new EventSource(live.dataset.stream);
  source.addEventListener("open", () => (live.textContent = "Live"));
  source.addEventListener("row", (event) => {
    last = event.lastEventId;
    const part = document.createElement("template");
    part.innerHTML = event.data;
    const row = part.content.firstElementChild;
    if (!row) return;
    rows.prepend(row);
    window.htmx?.process(row);
    while (rows.children.length > most) rows.lastElementChild.remove();
  });
  source.addEventListener("end", () => {
    source.close();
    const link = document.createElement("a");
    link.href = `/admin/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in again";
    live.className = "badge warn";
    live.textContent = "Your session has ended.";
    live.after(" ", link);
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) poll();
    else live.textContent = "Reconnecting";
  });
}
