// Small conveniences; every page works without this file.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dk-copy]");
  if (!button) return;
  const text = button.parentElement.querySelector("code").textContent;
  navigator.clipboard.writeText(text).then(() => {
    const label = button.querySelector("[data-dk-copied]");
    const before = label.textContent;
    label.textContent = label.dataset.dkCopied;
    setTimeout(() => { label.textContent = before; }, 2000);
  });
});
const reveal = (root) => root.querySelectorAll("[data-dk-copy]").forEach((button) => { button.hidden = false; });
document.addEventListener("DOMContentLoaded", () => reveal(document));
document.addEventListener("htmx:afterSettle", (event) => reveal(event.target));
// a menu closes when one clicks elsewhere or presses Escape
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
});
// a second click while the first is on its way sends nothing; coming back to the page makes the buttons work again
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.dkSent) { event.preventDefault(); return; }
  form.dataset.dkSent = "1";
  setTimeout(() => { delete form.dataset.dkSent; }, 10000);
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-dk-sent]").forEach((form) => { delete form.dataset.dkSent; });
});
// a form that sends files: how much is sent, what then; without this file it is a plain form
document.addEventListener("htmx:xhr:progress", (event) => {
  const form = event.target.closest("[data-dk-upload]");
  if (!form || !event.detail.lengthComputable || !event.detail.total) return;
  const bar = form.querySelector("[data-dk-progress]"), text = form.querySelector("[data-dk-sent-text]");
  const percent = Math.min(100, Math.floor(event.detail.loaded * 100 / event.detail.total));
  bar.hidden = false; bar.value = percent;
  text.textContent = percent < 100 ? `${text.dataset.dkSentText} ${percent} %` : text.dataset.dkReadingText;
});
["htmx:responseError", "htmx:sendError"].forEach((name) => document.addEventListener(name, (event) => {
  const form = event.target.closest("[data-dk-upload]");
  if (!form) return;
  form.querySelector("[data-dk-progress]").hidden = true;
  const text = form.querySelector("[data-dk-sent-text]");
  text.textContent = text.dataset.dkBrokenText;
  delete form.dataset.dkSent;
}));
["dragenter", "dragover", "dragleave", "drop"].forEach((name) => document.addEventListener(name, (event) => {
  const drop = event.target.closest && event.target.closest("[data-dk-drop]");
  if (!drop) return;
  drop.classList.toggle("drop--over", name === "dragenter" || name === "dragover");
  if (event.target.closest("input[type=file]")) return;  // the browser's own field takes files by itself
  event.preventDefault();
  if (name === "drop" && event.dataTransfer.files.length) drop.querySelector("input[type=file]").files = event.dataTransfer.files;
}));
