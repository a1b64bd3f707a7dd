/* Asks for the server's token, where it wants one. */
import {el} from "./dom.js";

/* An element; `given` is called with what was typed. */
export function askToken(given) {
    const field = el("input", {type: "password", id: "token", autocomplete: "current-password", required: true,
                               maxlength: 256, pattern: "[!-~]+", "aria-describedby": "token-why"});
    const user = el("input", {hidden: true, autocomplete: "username", value: "ESE lab"}); // for keepers of passwords
    const form = el("form", {class: "token"}, user,
        el("h2", null, "This server asks for a token"),
        el("p", {id: "token-why"}, "It is what the server was given by --token-file or ESE_TOKEN. It stays in this ",
            "page until that is closed or loaded again, and is brought with each request, as all clients bring it."),
        el("div", {class: "row"}, el("label", {for: "token"}, "Token"), field, el("button", null, "Come in")));
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        given(field.value);
    });
    return {element: form, focus: () => field.focus()};
}
