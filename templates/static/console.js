// What a page can do beyond links and forms: copy, split a pasted cron line, keep itself current, be reloaded
// without doing its deed again. Nothing depends on it.
(() => {
  const polite = (text) => { document.getElementById("polite").textContent = text; };

  // A page that shows a secret once answers a form. Reloaded, it is where its link leads: no second token, no other link.
  const instead = document.querySelector("a[data-reload]");
  if (instead) history.replaceState(null, "", instead.href);

  // Copy: the text of the element that the button names.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy), label = button.querySelector("span");
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = "Copied";
      polite("Copied");
      setTimeout(() => { label.textContent = "Copy"; polite(""); }, 2000);
    } catch {
      getSelection().selectAllChildren(source); // no clipboard on plain HTTP: the text is selected instead
      polite("Selected: copy it with your keyboard");
    }
  });

  // Cron: a whole line pasted into one field fills them all.
  document.addEventListener("paste", (event) => {
    const row = event.target.closest("[data-cron]");
    const parts = event.clipboardData?.getData("text").trim().split(/\s+/) ?? [];
    const fields = row ? [...row.querySelectorAll("input")] : [];
    if (!row || parts.length < fields.length) return;
    event.preventDefault();
    fields.forEach((field, place) => { field.value = parts[place]; });
    fields[0].dispatchEvent(new Event("input", { bubbles: true }));
  });

  // Times are shown on the browser's clock, unless another was chosen.
  if (!/(^|; )crontopus_zone=/.test(document.cookie)) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = `crontopus_zone=${zone}; path=/; max-age=15552000; samesite=lax`;
  }

  // Live: the stream says what changed, by noun, id and job; whoever follows one of these fetches itself again. What only
  // time changes (late, "in 2 m") is fetched when the server said it would be stale. The bell follows alerts by itself.
  const changed = new Set();
  let timer;
  const current = () => document.getElementById("live");
  const refresh = () => { if (current() && !document.hidden) window.htmx.trigger(current(), "changed"); };
  const ring = () => { if (!document.hidden) for (const bell of document.querySelectorAll(".bell")) if (bell.offsetParent) window.htmx.trigger(bell, "changed"); };
  const wind = (least = 0) => {
    clearTimeout(timer);
    if (current()) timer = setTimeout(refresh, Math.max(least, Number(current().dataset.refreshIn)));
  };
  const heard = (event) => {
    const { noun, id, job } = JSON.parse(event.detail.data), names = [noun, id, job ?? id];
    changed.add(id).add(job ?? id);
    if (current()?.dataset.follow.split(" ").some((name) => names.includes(name))) refresh();
    if (noun === "alert") ring();
  };
  const light = (on) => document.querySelectorAll("[data-live]").forEach((dot) => {
    const lost = dot.hasAttribute("data-on") && !on;
    const { lang } = document.documentElement, american = lang === "en-US";
    const since = { hour: american ? "numeric" : "2-digit", minute: "2-digit", hourCycle: american ? "h12" : "h23", timeZone: dot.dataset.live };
    dot.toggleAttribute("data-on", on);
    if (on) dot.textContent = "Live";
    if (lost) dot.textContent = `Not live since ${new Date().toLocaleTimeString(lang, since)}`;
  });
  for (const noun of ["job", "run", "alert", "notification"]) document.addEventListener(noun, heard);
  document.addEventListener("resync", () => { refresh(); ring(); });
  let streams = false;
  const stream = (on) => { streams = on; light(on); };
  document.addEventListener("htmx:sse:after:connection", () => { stream(true); refresh(); ring(); });
  document.addEventListener("htmx:sse:error", () => stream(false));
  document.addEventListener("htmx:sse:close", () => stream(false));
  // A refusal replaces nothing: what is on the page stays, says since when it is old, and is asked for again, but not so
  // soon that the asking itself is what is refused.
  document.addEventListener("htmx:response:error", (event) => {
    if (event.detail.ctx.sourceElement !== current()) return;
    light(false);
    wind(10000);
  });
  document.addEventListener("visibilitychange", () => { refresh(); ring(); });
  setInterval(ring, 60000);
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.response?.status >= 400 || event.detail.ctx.sourceElement.matches(".bell")) return;
    for (const id of changed) document.querySelector(`tr[data-row="${CSS.escape(id)}"]`)?.toggleAttribute("data-flash", true);
    changed.clear();
    if (streams) light(true);
    wind();
  });
  document.addEventListener("animationend", (event) => event.target.closest("tr[data-flash]")?.removeAttribute("data-flash"));
  wind();
})();
