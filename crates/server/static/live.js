// Keeps a list up to date: fetches the page it stands on and puts in what changed. Every page works without it.
"use strict";
(() => {
  const region = document.querySelector("[data-live]");
  if (!region) return;
  const status = document.querySelector(".live-status");
  const every = Math.max(2, Number(region.dataset.live) || 5) * 1000;
  let timer = 0;

  const say = (text, stale) => {
    if (!status || status.textContent === text) return;
    status.textContent = text;
    status.classList.toggle("stale", stale);
  };

  const copy = (fresh) => {
    if (fresh.innerHTML === region.innerHTML) return;
    const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
    // What somebody has ticked stays ticked as long as it is there.
    const ticked = [...region.querySelectorAll("input:checked")].map((box) => box.id);
    region.replaceChildren(...fresh.childNodes);
    for (const box of region.querySelectorAll("input[type=checkbox]")) box.checked = ticked.includes(box.id);
    if (focused) document.getElementById(focused)?.focus();
  };

  const refresh = async () => {
    // The server tells this from a person's click, so that an open tab does not keep a session alive.
    const answer = await fetch(location.href, {
      headers: { "X-Live": "1" },
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(10000),
    });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      say("Not up to date: you are signed out. Reload the page.", true);
      return false;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) {
      // It has come to its end (a purge is done): the page as a whole says more than it did.
      location.reload();
      return false;
    }
    const summary = fresh.dataset.liveSummary || "";
    const news = summary !== (region.dataset.liveSummary || "");
    region.dataset.liveSummary = summary;
    const count = document.querySelector("nav ul");
    const freshCount = page.querySelector("nav ul");
    if (count && freshCount && count.textContent !== freshCount.textContent) count.replaceChildren(...freshCount.childNodes);
    copy(fresh);
    document.title = page.title;
    if (news || status?.classList.contains("stale")) say(summary, false);
    return true;
  };

  const tick = async () => {
    let go = true;
    if (!document.hidden) {
      try {
        go = await refresh();
      } catch {
        say("Not up to date: the server does not answer. Trying again.", true);
      }
    }
    if (go) timer = setTimeout(tick, every);
  };

  timer = setTimeout(tick, every);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    clearTimeout(timer);
    tick();
  });
})();
