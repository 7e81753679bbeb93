// Passkeys: asks the server what to make or show, lets the browser do it, and sends the form with the result.

const usable = window.PublicKeyCredential?.parseCreationOptionsFromJSON && navigator.credentials;

async function ask(form) {
  const answer = await fetch(form.dataset.options, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { accept: "application/json" },
  });
  if (!answer.ok) throw new Error(answer.status === 429 ? "Too many attempts. Wait a while and try again." : "This did not work. Load the page again.");
  return answer.json();
}

async function perform(form) {
  const options = await ask(form);
  const credential = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  form.elements.credential.value = JSON.stringify(credential.toJSON());
  form.submit();
}

function explain(error) {
  switch (error.name) {
    case "NotAllowedError": return "Nothing was shown, or it took too long.";
    case "InvalidStateError": return "This device has a passkey of yours already.";
    case "SecurityError": return "This address is not the one that passkeys belong to.";
    default: return error.message || "This did not work.";
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!usable) continue;
  form.hidden = false;
  const button = form.querySelector("button");
  const fault = form.querySelector("[role=alert]");
  button.disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    fault.hidden = true;
    perform(form).catch((error) => {
      button.disabled = false;
      fault.textContent = explain(error);
      fault.hidden = false;
    });
  });
}
