// Puts altcha's widget in the place of the wait, where the browser can calculate.
const place = document.getElementById("proof");
const wait = document.getElementById("proof-wait");
const { challenge, worker, ...words } = place.dataset;

if (globalThis.$altcha && isSecureContext && globalThis.Worker) {
  const language = document.documentElement.lang;
  $altcha.algorithms.set("PBKDF2/SHA-256", () => new Worker(worker));
  $altcha.i18n.set(language, { ...$altcha.i18n.get("en"), ...words, waitAlert: words.verifying });
  $altcha.defaults.set({
    auto: "onload",
    challenge,
    hideFooter: true,
    hideLogo: true,
    humanInteractionSignature: false, // it would watch mouse and keys
    language,
    type: "native",
  });

  const widget = document.createElement("altcha-widget");
  const form = place.closest("form");
  let state = "";
  let pressed = null; // the button, where somebody was quicker than the calculation

  widget.addEventListener("statechange", (event) => {
    state = event.detail.state;
    wait.hidden = state !== "error";
    if (state === "verified" && pressed) {
      setTimeout(() => form.requestSubmit(pressed)); // once the answer stands in the form
    }
  });
  form.addEventListener("submit", (event) => {
    if (state === "verifying") {
      event.preventDefault();
      pressed = event.submitter;
    }
  });
  place.append(widget);
}
