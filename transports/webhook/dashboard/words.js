/* What figures and states are in words. Knows no page. */

const grouped = new Intl.NumberFormat("en");

export function number(value) {
    return grouped.format(value);
}

export function counted(value, one, many) {
    return `${number(value)} ${value === 1 ? one : many}`;
}

/* How much of what there is was taken: 0 to 1. Nothing at all is all of it. */
export function share({position, lag}) {
    return lag <= 0 ? 1 : Math.min(1, Math.max(0, position / (position + lag)));
}

/* Of a subscription: `kind` is what it looks like, `name` stands on it, `story` says more. An event that is tried again
   stands before all that are behind it. */
export function standing({active, state, position, lag, attempts, pause_reason: reason, batch, problem}) {
    const first = batch > 1 ? `What comes behind position ${number(position)}` : `Event ${number(position + 1)}`;
    const tried = attempts > 1 ? `${number(attempts)} times` : "once";
    if (!active) {
        const waiting = lag > 0 ? counted(lag, "event waits", "events wait") : "Nothing waits";
        const why = reason || "no reason was given";
        return {kind: "paused", name: "paused", story: `Paused: ${why}. ${waiting} for it to be resumed.`};
    }
    if (problem) return {kind: "stands", name: "cannot be read", story: `Its stream cannot be read: ${problem}.`};
    if (attempts > 0) {
        const behind = lag > 1 ? `; ${counted(lag - 1, "more stands", "more stand")} behind it` : "";
        return {kind: "stands", name: "its line stands",
                story: `${first} was tried ${tried} and not taken${behind}. It is tried again.`};
    }
    if (state === "under way") return {kind: "moves", name: "a push is under way", story: ""};
    if (lag > 0) return {kind: "moves", name: "catching up", story: ""};
    return {kind: "well", name: "up to date", story: ""};
}

/* A name stands in a path as it is: what a browser would write otherwise there, it cannot ask for. */
export function canBeAsked(name) {
    try {
        return new URL(`/introspect/${name}`, "http://x").pathname === `/introspect/${name}`;
    } catch {
        return false;
    }
}
