// Messages: what went wrong, and what is being waited for.

import { byId, html, put } from "./dom.js";

// Show an error until the reader closes it or something works again.
export function tell(error) {
  const close = html("button", { type: "button", "aria-label": "Close the message", onclick: hush }, "\u00d7");
  put(byId("notice"), html("p", {}, error.message ?? String(error)), close);
  byId("notice").hidden = false;
}

export function hush() {
  byId("notice").hidden = true;
}

// Do something that may fail; its error becomes a message.
export const trying = async (work) => {
  try {
    return await work();
  } catch (error) {
    tell(error);
    return null;
  }
};
