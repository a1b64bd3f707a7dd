/* Light or dark: as the machine has it, until somebody says otherwise. */
import {el} from "./dom.js";

export function theme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const button = el("button", {type: "button", class: "theme"});
    let chosen = null;
    const show = () => {
        const now = chosen ?? (dark.matches ? "dark" : "light"), other = now === "dark" ? "light" : "dark";
        document.documentElement.dataset.theme = now;
        button.textContent = other === "dark" ? "Dark" : "Light";
        button.setAttribute("aria-label", `Show the page in ${other} colours`);
    };
    button.addEventListener("click", () => {
        chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
        show();
    });
    dark.addEventListener("change", show);
    show();
    return button;
}
