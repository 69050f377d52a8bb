// Makes pages live. Every page works without it.
//
// The server says that something changed (Server-Sent Events at `data-events` of <main>), or an interval passes
// (`data-every`, in seconds). The page is then fetched again, and its regions <section data-live="name"> are swapped.

const main = document.querySelector("main");
const lost = document.querySelector("#lost");
const RETRY = 5000; // ms between two tries without a connection
const GATHER = 250; // ms in which changes become one fetch

let timer = null;
let asking = null;
let again = false;

const regions = (root) => [...root.querySelectorAll("[data-live]")];
const isEdited = (region) => {
  const active = document.activeElement;
  return region.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName);
};

function later(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(refresh, milliseconds);
}

function told(isLost) {
  if (lost && lost.hidden === isLost) lost.hidden = !isLost;
}

// A document of XMLHttpRequest runs no scripts, and needs no policy for trusted types.
function refresh() {
  clearTimeout(timer);
  if (asking) {
    again = true;
    return;
  }
  asking = new XMLHttpRequest();
  asking.responseType = "document";
  asking.timeout = 30000;
  asking.onloadend = () => {
    const answer = asking;
    asking = null;
    arrived(answer);
  };
  asking.open("GET", location.href);
  asking.send();
}

function arrived(answer) {
  const wait = Number(answer.getResponseHeader("Retry-After")) * 1000;
  if (answer.status !== 200 || !answer.responseXML) {
    told(answer.status !== 429);
    later(wait || RETRY);
    return;
  }
  // The session has ended: the page itself shows the log-in.
  if (new URL(answer.responseURL).pathname !== location.pathname) {
    location.reload();
    return;
  }
  told(false);
  swap(answer.responseXML);
  if (again) {
    again = false;
    later(GATHER);
  } else {
    pace();
  }
}

function swap(fresh) {
  const found = new Map(regions(fresh).map((each) => [each.dataset.live, each]));
  for (const region of regions(document)) {
    const next = found.get(region.dataset.live);
    if (next && next.outerHTML !== region.outerHTML && !isEdited(region)) replace(region, document.importNode(next, true));
  }
  main.dataset.ended = fresh.querySelector("main").dataset.ended ?? "";
}

function replace(region, next) {
  for (const each of region.querySelectorAll("details[open][id]")) {
    const same = next.querySelector(`details[id="${CSS.escape(each.id)}"]`);
    if (same) same.open = true;
  }
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const path = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href") && `a[href="${CSS.escape(focused.getAttribute("href"))}"]`);
  region.replaceWith(next);
  if (path) next.querySelector(path)?.focus({ preventScroll: true });
}

function pace() {
  const seconds = Number(main.dataset.every);
  if (seconds && regions(document).length) later(seconds * 1000);
}

function listen(path) {
  const source = new EventSource(path);
  const changed = () => later(GATHER);
  let wasLost = false;
  source.onopen = () => {
    told(false);
    if (wasLost) refresh();
    wasLost = false;
  };
  source.onerror = () => {
    wasLost = true;
    // A stream that ended because the work has ended is no lost connection: the page itself knows.
    refresh();
    if (source.readyState === EventSource.CLOSED) setTimeout(() => main.dataset.ended || listen(path), RETRY);
  };
  source.onmessage = changed;
  for (const name of (main.dataset.eventNames ?? "").split(" ").filter(Boolean)) source.addEventListener(name, changed);
}

// A button that was pressed is not pressed twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (form.method !== "post") return;
  setTimeout(() => form.querySelectorAll("button").forEach((each) => (each.disabled = true)));
});
// A page that comes back from the browser's memory.
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form button:disabled").forEach((each) => (each.disabled = false));
});

// Copies what is shown once. Without a clipboard the text is selected.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select?.();
  try {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
    button.textContent = button.dataset.copied ?? button.textContent;
  } catch {
    field.focus();
  }
});

// Files that are dropped on a text field are read into it.
for (const field of document.querySelectorAll("textarea[data-drop]")) {
  field.addEventListener("dragover", (event) => event.preventDefault());
  field.addEventListener("drop", async (event) => {
    const files = [...event.dataTransfer.files];
    if (!files.length) return;
    event.preventDefault();
    const texts = await Promise.all(files.map((each) => each.text()));
    field.value = [field.value, ...texts].filter(Boolean).join("\n");
  });
}

for (const each of document.querySelectorAll("[data-needs-script]")) each.hidden = false;

if (main?.dataset.events && !main.dataset.ended) listen(main.dataset.events);
if (main) pace();
addEventListener("online", refresh);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && main?.dataset.every) refresh();
});
