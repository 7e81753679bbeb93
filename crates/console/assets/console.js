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
