// Asks the browser for a passkey and sends its answer with the form of the button. Nothing else on these pages needs a script.
"use strict";
(() => {
  const buttons = document.querySelectorAll("button[data-passkey]");
  if (!buttons.length || !window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) => {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const text = (buffer) => {
    if (!buffer) return null;
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const credentials = (list) => list.map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    const user = { ...options.user, id: bytes(options.user.id) };
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        user,
        challenge: bytes(options.challenge),
        excludeCredentials: credentials(options.excludeCredentials),
      },
    });
    const { clientDataJSON, attestationObject } = made.response;
    return { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject), made };
  };

  const get = async (options) => {
    const made = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: credentials(options.allowCredentials),
      },
    });
    const { clientDataJSON, authenticatorData, signature, userHandle } = made.response;
    return {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      userHandle: text(userHandle),
      made,
    };
  };

  const options = async (button) => {
    const answer = await fetch(button.dataset.challenge, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
      body: new URLSearchParams({ csrf: button.form.elements.csrf.value }),
      cache: "no-store",
      redirect: "error",
    });
    if (!answer.ok) throw new Error("The server does not ask for a passkey now. Reload the page and try again.");
    return answer.json();
  };

  const why = (error) => {
    switch (error.name) {
      case "NotAllowedError":
        return "No passkey was given. Try again, or use another way.";
      case "InvalidStateError":
        return "This authenticator has a passkey for this account already.";
      case "SecurityError":
        return "This address cannot have passkeys. Open the server by its own name.";
      default:
        return error.message || "The browser could not ask for a passkey.";
    }
  };

  const ask = async (button) => {
    const form = button.form;
    const says = form.querySelector(".passkey-says");
    const code = form.elements.code;
    // Whoever shows a passkey needs no code.
    code?.removeAttribute("required");
    if (!form.reportValidity()) {
      code?.setAttribute("required", "");
      return;
    }
    button.disabled = true;
    says.textContent = "Follow what your browser asks.";
    try {
      const wanted = await options(button);
      const { made, ...response } = await (button.dataset.passkey === "create" ? create : get)(wanted);
      form.elements.passkey.value = JSON.stringify({ id: text(made.rawId), type: made.type, response });
      says.textContent = "";
      form.submit();
    } catch (error) {
      code?.setAttribute("required", "");
      says.textContent = why(error);
      button.disabled = false;
    }
  };

  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => ask(button));
  }
})();
