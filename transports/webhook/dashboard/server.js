/* Asks the server that this page came from, by the routes that everybody has (transports/webhook/README.md). */

const PATIENCE_MS = 10000;

let token = null; // in the page's memory only: it goes when the page goes

export function useToken(given) {
    token = given;
}

/* status 0: no answer. */
export class Refused extends Error {
    constructor(status, text) {
        super(status === 0 ? text : `${status} ${text}`);
        this.status = status;
    }
}

async function send(method, path) {
    const headers = token === null ? {} : {Authorization: `Bearer ${token}`};
    try {
        return await fetch(path, {method, headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS)});
    } catch {
        throw new Refused(0, "the server does not answer");
    }
}

/* {headers, text} of an answer that is good. */
export async function ask(path, method = "GET") {
    const answer = await send(method, path);
    const text = await answer.text().catch(() => {
        throw new Refused(0, "the server broke off its answer");
    });
    if (!answer.ok) throw new Refused(answer.status, text.trim());
    return {headers: answer.headers, text};
}

export async function get(path) {
    return JSON.parse((await ask(path)).text);
}
