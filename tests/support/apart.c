#include "tests/support/apart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

void ese_test_apart(const char *(*find_problem)(void *context), void *context)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        const char *problem = find_problem(context);
        if (problem != NULL)
            print_error("%s\n", problem);
        _exit(problem != NULL);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}
