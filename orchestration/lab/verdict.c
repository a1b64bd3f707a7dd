#include "orchestration/lab/judgement.h"

const char *ese_verdict_text(enum ese_verdict_word word)
{
    static const char *const words[] = {"pass", "fail", "cannot tell"};
    return words[word];
}
