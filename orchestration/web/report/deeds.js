/* What the fault did: which deeds befell all transports at the same time, and who was away from when to when. */
import {deeds, seconds} from "./run.js";

const ENDS = {kill: ["start", "killed", "back"], freeze: ["thaw", "frozen", "thawed"]};

/* What is told how ("disk full", "network cut backward") lasts until the same is told to be well again. */
const isOver = (act) => / (well|restore)$/.test(act);
const isEnd = (act) => isOver(act) || Object.values(ENDS).some(([end]) => end === act);
const ends = (act, other) =>
    ENDS[act] ? other === ENDS[act][0] : isOver(other) && other.split(" ")[0] === act.split(" ")[0];

function words(act) {
    const pair = Object.values(ENDS).find(([end]) => end === act);
    return ENDS[act]?.[1] ?? pair?.[2] ?? act;
}

/* What was done to all of them at the same time stands there once. */
export function marks(run) {
    const found = [];
    for (const transport of run.transports) {
        for (const deed of deeds(transport)) {
            const parties = Array.isArray(deed.parties) ? deed.parties.map(String) : [];
            const at = seconds(transport, deed.done_ns),
                act = typeof deed.how === "string" && deed.how !== "" ? `${deed.act} ${deed.how}` : String(deed.act);
            const struck = Array.isArray(deed.lines) ? deed.lines.map(String) : parties;
            const who = struck.join(" and ") + (Array.isArray(deed.members) ? ` ${deed.members.join(", ")}` : "");
            const known = found.find(
                (mark) =>
                    mark.act === act &&
                    Math.abs(mark.at - at) < 1 &&
                    (mark.who.includes(who) || who.includes(mark.who))
            );
            if (parties.length === 0 || !Number.isFinite(at)) continue;
            if (known === undefined) found.push({act, at, who, parties});
            else if (who.length > known.who.length) Object.assign(known, {who, parties});
        }
    }
    return found.sort((a, b) => a.at - b.at);
}

/* From a kill to the start of the same, and so on; what has no end is an instant. */
export function outages(found) {
    return found.filter((mark) => !isEnd(mark.act)).map((mark) => {
        const back = found.find(
            (other) =>
                ends(mark.act, other.act) &&
                other.at >= mark.at &&
                (other.who === mark.who || mark.parties.some((party) => other.parties.includes(party)))
        );
        return {...mark, until: back?.at ?? null, word: words(mark.act), backWord: back ? words(back.act) : ""};
    });
}
