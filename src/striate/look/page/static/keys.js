// Keys that work anywhere on the page, and the choice of light or dark.

import { byId } from "./dom.js";

const PLACES = {
  "/": "#search", i: "#choose", n: "#tree [tabindex='0']", m: "[role=tabpanel]:not([hidden]) [tabindex='0']", u: "#own-plane [tabindex='0'], #channel",
};

export function startKeys(redraw) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "?") byId("help").showModal();
    else if (event.key === "t") flip(redraw);
    else if (PLACES[event.key]) go(PLACES[event.key]);
    else return;
    event.preventDefault();
  });
  byId("theme").addEventListener("click", () => flip(redraw));
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  setTheme(kept(), () => {});
}

// The links within the page leave the address alone: it holds the link to what is seen.
export function startJumps() {
  for (const link of document.querySelectorAll(".jump a, .skip")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const heading = document.querySelector(link.getAttribute("href"));
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      heading.scrollIntoView();
    });
  }
}

const typing = (target) => target.matches?.("input:not([type=range], [type=radio], [type=checkbox]), textarea, select");

function go(selector) {
  const place = [...document.querySelectorAll(selector)].find((one) => one.getClientRects().length);
  place?.focus();
  place?.scrollIntoView({ block: "nearest" });
}

// Pages from a file may have no storage.
function kept() {
  try { return localStorage.getItem("striate-theme"); } catch { return null; }
}

const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function flip(redraw) {
  const theme = dark() ? "light" : "dark";
  try { localStorage.setItem("striate-theme", theme); } catch { /* it lasts until the page is closed */ }
  setTheme(theme, redraw);
}

function setTheme(theme, redraw) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", String(dark()));
  redraw();
}
