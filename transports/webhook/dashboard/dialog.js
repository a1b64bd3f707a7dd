/* Asks before something that cannot be taken back. */
import {el} from "./dom.js";

/* Whether it was said that it may be done. */
export function confirmed(question, why, word) {
    const dialog = el("dialog", {"aria-labelledby": "dialog-title"},
        el("h2", {id: "dialog-title"}, question), el("p", null, why),
        el("div", {class: "row"},
            el("button", {type: "button", autofocus: true, onclick: () => dialog.close("no")}, "Leave it"),
            el("button", {type: "button", class: "grave", onclick: () => dialog.close("yes")}, word)));
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
        dialog.addEventListener("close", () => {
            dialog.remove();
            resolve(dialog.returnValue === "yes");
        });
    });
}
