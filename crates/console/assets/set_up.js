// What the set-up pages do beside their forms. Without it they work too.

// A key pair is made here and nowhere else: the form gets the public half, the person keeps the other.
for (const area of document.querySelectorAll("textarea[data-key]")) {
  const box = document.createElement("div");
  box.className = "maker";
  const about = document.createElement("p");
  about.textContent = "No key yet? This browser can make a pair. The private key is shown once and is sent nowhere.";
  const line = document.createElement("div");
  line.className = "line";
  box.append(about, line);
  for (const [label, algorithm] of [["Make an RSA key", "RS256"], ["Make an EC key", "ES256"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => makeKey(algorithm, area, box, about));
    line.append(button);
  }
  area.after(box);
}

async function makeKey(algorithm, area, box, about) {
  if (!globalThis.crypto?.subtle) {
    about.textContent = "Browsers make keys on https and on localhost only. Make one elsewhere and paste its public half.";
    return;
  }
  const kind = algorithm === "RS256"
    ? { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }
    : { name: "ECDSA", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(kind, true, ["sign", "verify"]);
  const raw = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const open = algorithm === "RS256" ? { kty: raw.kty, e: raw.e, n: raw.n } : { crv: raw.crv, kty: raw.kty, x: raw.x, y: raw.y };
  const kid = await thumbprint(open);
  const said = { kty: raw.kty, use: "sig", alg: algorithm, kid };
  const secret = { ...said, ...raw, ...said };
  delete secret.key_ops;
  delete secret.ext;
  area.value = JSON.stringify({ ...said, ...open }, null, 2);
  const text = JSON.stringify(secret, null, 2);
  about.textContent = "The private key, this once. Keep it: it is not here any more when you leave the page.";
  box.querySelectorAll("pre, .save").forEach((old) => old.remove());
  const shown = document.createElement("pre");
  shown.className = "private-key";
  shown.tabIndex = 0;
  shown.textContent = text;
  const save = document.createElement("div");
  save.className = "line save";
  const copy = document.createElement("button");
  copy.type = "button";
  copy.textContent = "Copy private key";
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
  });
  const link = document.createElement("a");
  link.className = "button";
  link.textContent = "Save private key";
  link.download = `${kid}.json`;
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  save.append(copy, link);
  box.append(shown, save);
}

// RFC 7638: the members that are needed, by name, without blanks.
async function thumbprint(open) {
  const sorted = Object.fromEntries(Object.entries(open).sort());
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(sorted)));
  return btoa(String.fromCharCode(...new Uint8Array(digest))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// Rows that have a place can be dragged to another; the buttons do the same without a mouse.
for (const table of document.querySelectorAll("table[data-ordered]")) {
  let held = null;
  const rowOf = (event) => event.target.closest?.("tr[data-place]");
  for (const row of table.querySelectorAll("tr[data-place]")) row.draggable = true;
  table.addEventListener("dragstart", (event) => {
    held = rowOf(event);
    event.dataTransfer.effectAllowed = "move";
  });
  table.addEventListener("dragover", (event) => {
    const over = rowOf(event);
    if (!held || !over) return;
    event.preventDefault();
    for (const row of table.querySelectorAll(".over")) row.classList.remove("over");
    if (over !== held) over.classList.add("over");
  });
  table.addEventListener("drop", (event) => {
    const over = rowOf(event);
    const place = held?.querySelector("form input[name=to]");
    if (!over || over === held || !place) return;
    event.preventDefault();
    place.value = over.dataset.place;
    place.form.submit();
  });
}
