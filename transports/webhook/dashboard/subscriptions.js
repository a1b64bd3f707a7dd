/* The subscriptions: how far each has come, and whether its line stands. */
import {confirmed} from "./dialog.js";
import {el, list, write} from "./dom.js";
import {ask} from "./server.js";
import {addressOf} from "./streams.js";
import {counted, number, share, standing} from "./words.js";

const MOST = 200; // subscriptions that are shown

/* A bar: taken, and what is behind it. */
function bar() {
    const taken = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawn.append(taken);
    drawn.setAttribute("aria-hidden", "true");
    taken.setAttribute("height", "100%");
    const element = el("div", {class: "bar"}, drawn);
    const show = (item) => {
        element.classList.toggle("behind", item.lag > 0);
        taken.setAttribute("width", `${(share(item) * 100).toFixed(2)}%`);
    };
    return {element, show};
}

/* What can be done to one; what went wrong is said. */
function deeds(name, changed) {
    const said = el("p", {class: "said", role: "status"});
    let now = null;
    const act = async (path, method, word) => {
        write(said, "");
        try {
            await ask(`/subscriptions/${name}${path}`, method);
        } catch (problem) {
            write(said, `Not ${word}: ${problem.message}`);
        }
        changed();
    };
    const turn = el("button", {type: "button", onclick: () =>
        now.active ? act("/pause", "POST", "paused") : act("/resume", "POST", "resumed")});
    const drop = el("button", {type: "button", class: "grave", onclick: async () => {
        const letters = now.dead_letters;
        const too = letters > 0 ? ` and its ${counted(letters, "dead letter", "dead letters")}` : "";
        if (await confirmed(`Delete the subscription ${name}?`,
            `Its position${too} will be gone. The events of its stream stay.`, "Delete"))
            await act("", "DELETE", "deleted");
    }}, "Delete");
    const show = (item) => {
        now = item;
        write(turn, item.active ? "Pause" : "Resume");
        turn.setAttribute("aria-label", `${turn.textContent} ${name}`);
        drop.setAttribute("aria-label", `Delete ${name}`);
    };
    return {element: el("div", {class: "deeds"}, turn, drop), said, show};
}

function facts({position, lag, attempts, dead_letters: letters, batch}) {
    return [`position ${number(position)} of ${number(position + Math.max(0, lag))}`,
        lag > 0 ? `${number(lag)} behind` : "",
        attempts > 0 ? counted(attempts, "attempt in vain", "attempts in vain") : "",
        letters > 0 ? counted(letters, "dead letter", "dead letters") : "",
        batch > 1 ? `up to ${number(batch)} events a push` : ""].filter((fact) => fact !== "").join(" · ");
}

function subscription({name}, changed, choose) {
    const chip = el("span", {class: "chip"}), story = el("p", {class: "story"}), said = el("p", {class: "facts n"});
    const url = el("bdi", {class: "url"});
    const stream = el("a", null), drawn = bar(), doing = deeds(name, changed);
    stream.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        choose(stream.textContent);
    });
    const element = el("li", {class: "subscription", "data-subscription": name},
        el("div", {class: "head"}, el("h3", null, name), chip),
        el("p", {class: "way"}, stream, el("span", {class: "arrow"}, " → "), url),
        drawn.element, story, doing.said, el("div", {class: "foot"}, said, doing.element));
    const show = (item) => {
        const {kind, name: word, story: told} = standing(item);
        element.dataset.kind = kind;
        write(chip, word);
        write(story, told);
        write(said, facts(item));
        write(stream, item.stream);
        stream.setAttribute("href", addressOf(item.stream));
        write(url, item.url);
        drawn.show(item);
        doing.show(item);
    };
    return {element, show};
}

/* `changed` is called when something was done, `choose(name)` where a stream is to be looked at. */
export function subscriptions(changed, choose) {
    const rows = el("ol", {class: "subscriptions"}), showRows = list(rows);
    const none = el("p", {class: "none"}, "There is none yet: nobody is pushed to.");
    const more = el("p", {class: "none more"});
    return {
        element: el("section", {id: "subscriptions", "aria-labelledby": "subscriptions-title"},
            el("h2", {id: "subscriptions-title"}, "Subscriptions"),
            el("p", {class: "lead"}, "How far each has come on its line."),
            none, rows, more),
        show(all) {
            all.sort((one, other) => (one.name < other.name ? -1 : 1));
            showRows(all.slice(0, MOST), ({name}) => name, (item) => subscription(item, changed, choose));
            none.hidden = all.length > 0;
            write(more, all.length > MOST ? `${number(all.length - MOST)} more are not shown.` : "");
        },
    };
}
