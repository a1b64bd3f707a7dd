# without-comments.awk - C without its comments, line by line, strings as they are.
{
    out = ""
    for (i = 1; i <= length($0); i++) {
        two = substr($0, i, 2)
        one = substr($0, i, 1)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; i++ }
        } else if (quote != "") {
            out = out one
            if (one == "\\") { i++; out = out substr($0, i, 1) }
            else if (one == quote) quote = ""
        } else if (two == "/*") {
            in_comment = 1; i++
        } else if (two == "//") {
            break
        } else {
            if (one == "\"" || one == "'") quote = one
            out = out one
        }
    }
    quote = ""
    print FILENAME ":" FNR ":" out
}
