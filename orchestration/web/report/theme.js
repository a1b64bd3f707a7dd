/* Light or dark: as the machine has it, until somebody says otherwise. (On paper always light, says the style.) */
import {el} from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/* restyle is called when colours have changed: for what is drawn on canvases. */
export function theme(restyle) {
    let chosen = null;
    const button = el("button", {type: "button", class: "theme"});
    const show = () => {
        const now = chosen ?? (dark.matches ? "dark" : "light");
        document.documentElement.dataset.theme = now;
        button.textContent = now === "dark" ? "Light" : "Dark";
        button.setAttribute("aria-label", `Show the page in ${now === "dark" ? "light" : "dark"} colours`);
        restyle();
    };
    button.addEventListener("click", () => {
        chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
        show();
    });
    dark.addEventListener("change", show);
    return {button, show};
}
