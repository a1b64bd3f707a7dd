/* The page: asks again and again while it is looked at, and shows what was answered. */
import {el, write} from "./dom.js";
import {get, useToken} from "./server.js";
import {addressOf, streamOf, streams} from "./streams.js";
import {subscriptions} from "./subscriptions.js";
import {theme} from "./theme.js";
import {askToken} from "./token.js";

const EVERY_MS = 1000;

const state = el("span", {class: "state", role: "status"}), main = el("main");
const left = streams(choose), right = subscriptions(() => look(), choose);
const token = askToken((given) => {
    useToken(given);
    wantsToken = false;
    look();
});
let timer = null, looking = false, again = false, wantsToken = false, tries = 0;

function tell(kind, text) {
    state.dataset.kind = kind;
    write(state, text);
}

function put(...parts) {
    if (main.firstElementChild !== parts[0]) main.replaceChildren(...parts);
}

function wantToken() {
    wantsToken = true;
    tell("away", tries++ === 0 ? "a token is needed" : "that is not the token");
    put(token.element);
    token.focus();
}

async function readAll() {
    const all = await get("/introspect"), lines = await get("/subscriptions");
    right.show(lines);
    const reading = left.show(all);
    put(left.element, right.element);
    await reading;
    tell("live", "live");
    document.documentElement.dataset.ready = "yes";
}

/* One at a time; asked for meanwhile, once more. */
async function look() {
    again = looking;
    if (looking || wantsToken) return;
    looking = true;
    clearTimeout(timer);
    try {
        await readAll();
    } catch (problem) {
        if (problem.status === 401) wantToken();
        else tell("away", problem.message);
    }
    looking = false;
    if (again) look();
    else if (document.visibilityState === "visible") timer = setTimeout(look, EVERY_MS);
}

function choose(name) {
    history.pushState(null, "", name === null ? "/dashboard/streams" : addressOf(name));
    follow();
}

/* The page's address says which stream is open. */
function follow() {
    left.open(streamOf(location.pathname));
    look();
}

function jump(id) {
    return el("a", {href: `#${id}`, onclick: (event) => {
        event.preventDefault();
        document.getElementById(id)?.scrollIntoView();
    }}, id[0].toUpperCase() + id.slice(1));
}

document.title = `webhook at ${location.host}`;
document.body.append(
    el("header", null,
        el("b", null, "webhook"), el("span", {class: "at"}, `at ${location.host}`), state,
        el("nav", {"aria-label": "parts of the page"}, jump("streams"), jump("subscriptions")), theme()),
    el("div", {class: "lead title"}, el("h1", null, "The server pushes"),
        el("p", null, "ESE lab, transport webhook: who wants a stream’s events has said so once, with a URL; the ",
            "server brings them there, and remembers how far each subscriber has come. A ",
            el("b", null, "subscriber’s line"), ": its stream’s events go to its URL in order, one push at a ",
            "time, and nothing is pushed past one that it has not taken.")),
    main);
tell("away", "asking …");
addEventListener("popstate", follow);
document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look();
});
follow();
