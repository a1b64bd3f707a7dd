/* What an event holds, as a text. */
import {el} from "./dom.js";
import {number} from "./words.js";

const MOST = 2000; // characters that are shown

export function decode(base64) {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)));
}

export function body(text) {
    if (text === "") return el("p", {class: "none"}, "an empty body");
    const cut = text.length > MOST ? `… ${number(text.length)} characters in all` : null;
    return el("pre", {tabindex: "0"}, text.slice(0, MOST), cut ? el("span", {class: "cut"}, cut) : null);
}

/* "2026-11-27 18:31:59" of what the original's Go makes of a time. */
export function moment(created) {
    return el("time", {title: created}, created.slice(0, 19));
}
