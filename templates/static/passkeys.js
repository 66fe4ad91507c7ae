// Passkeys: a form that is marked so asks the server what to ask the browser, and sends what the browser made of it.
// Without this script the codes of an authenticator app and recovery codes open the same doors.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (keys) => (keys ?? []).map((key) => ({ ...key, id: bytes(key.id) }));
  const CANCELLED = "Nothing was done: it was cancelled, or it took too long.";
  const KNOWN = "This device has a passkey of yours for this place already.";

  const read = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.user ? { excludeCredentials: named(options.excludeCredentials) } : { allowCredentials: named(options.allowCredentials) }),
  });
  const written = ({ id, rawId, type, response }) => {
    const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].filter((part) => response[part]);
    return JSON.stringify({ id, rawId: text(rawId), type, response: Object.fromEntries(parts.map((part) => [part, text(response[part])])) });
  };

  const asked = async (address) => {
    const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (answer.ok) return read(told.public_key);
    if (told.type?.endsWith("#unconfirmed")) location.assign(`/me/confirm?next=${encodeURIComponent(location.pathname)}`);
    throw new Error(told.detail || told.title);
  };
  const made = async (publicKey) => written(await (publicKey.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })));

  const why = (error) => ({ NotAllowedError: CANCELLED, AbortError: CANCELLED, InvalidStateError: KNOWN })[error.name] ?? `That did not work: ${error.message}`;

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-passkey]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("button"), said = form.querySelector("[data-said]");
    button.disabled = true;
    said.textContent = "";
    try {
      form.elements.passkey.value = await made(await asked(form.dataset.passkey));
      form.submit();
    } catch (error) {
      said.textContent = why(error);
      button.disabled = false;
    }
  });

  if (window.PublicKeyCredential && isSecureContext) return;
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    form.querySelector("button").disabled = true;
    form.querySelector("[data-said]").textContent = "This browser does passkeys only over https, or at localhost.";
  });
})();
