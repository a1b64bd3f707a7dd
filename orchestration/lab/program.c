#include "orchestration/lab/program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/memory.h"

static int own_directory(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    ssize_t length = readlink("/proc/self/exe", path, ESE_ARTIFACT_PATH_SIZE - 1);
    if (length < 0)
        return ese_fail_errno(error, "cannot tell where this program is");
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
    return 0;
}

int ese_program_find(const char *name, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    char here[ESE_ARTIFACT_PATH_SIZE];
    if (own_directory(here, error) < 0)
        return -1;
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/%s", here, name);
    if (access(path, X_OK) == 0)
        return 0;
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/../../%s/%s", here, name, name);
    if (access(path, X_OK) == 0)
        return 0;
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/../../orchestration/%s/%s", here, name + strlen("ese-"), name);
    if (access(path, X_OK) == 0)
        return 0;
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/../disk/%s", here, name);
    if (access(path, X_OK) == 0)
        return 0;
    return ese_fail(error, ESE_E_MISSING, "%s is neither in %.200s nor in the build tree: build it (./lab does)",
                    name, here);
}

int ese_program_find_shim(const char *name, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    char here[ESE_ARTIFACT_PATH_SIZE];
    if (own_directory(here, error) < 0)
        return -1;
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/../%s", here, name);
    if (access(path, R_OK) == 0)
        return 0;
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/../" ESE_LIBRARIES "/ese-lab%s", here, strrchr(name, '/'));
    if (access(path, R_OK) == 0)
        return 0;
    return ese_fail(error, ESE_E_MISSING, "%s is neither in the build tree nor in %.200s: build it (./lab does)", name,
                    path);
}

static bool has_aiosmtpd(const char *python)
{
    pid_t pid = fork();
    if (pid == 0) {
        freopen("/dev/null", "w", stderr);
        execlp(python, python, "-c", "import aiosmtpd", (char *)NULL);
        _exit(127);
    }
    int status = 1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int ese_program_find_smtp_sink(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    /* The distribution's python first: another one on the PATH may not see the distribution's modules. */
    static const char *const candidates[] = {"/usr/bin/python3", "/usr/local/bin/python3"};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (access(candidates[i], X_OK) == 0 && has_aiosmtpd(candidates[i])) {
            snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s", candidates[i]);
            return 0;
        }
    }
    return ese_fail(error, ESE_E_MISSING,
                    "no python3 with the module aiosmtpd: install the package python3-aiosmtpd");
}

int ese_program_free_port(int *port, struct ese_error *error)
{
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (handle < 0 || bind(handle, (struct sockaddr *)&address, size) < 0 ||
        getsockname(handle, (struct sockaddr *)&address, &size) < 0) {
        ese_fail_errno(error, "no free port on 127.0.0.1");
        if (handle >= 0)
            close(handle);
        return -1;
    }
    close(handle);
    *port = ntohs(address.sin_port);
    return 0;
}

/* aiosmtpd asks for this machine's full name at each connection, and everything waits until the name
 * server has answered, or has not: the name in its greeting is nobody's concern here. */
#define RUN_SINK                                                                                   \
    "import asyncio, os, runpy, socket\n"                                                          \
    "from aiosmtpd.handlers import Mailbox\n"                                                      \
    "take = Mailbox.handle_DATA\n"                                                                 \
    "async def handle_DATA(self, server, session, envelope):\n"                                    \
    "    try:\n"                                                                                   \
    "        with open(os.environ.get('ESE_SMTP_TROUBLE', '')) as file:\n"                         \
    "            what, number = file.read().split()\n"                                             \
    "    except (OSError, ValueError):\n"                                                          \
    "        what, number = 'nothing', '0'\n"                                                      \
    "    if what == 'slow':\n"                                                                     \
    "        await asyncio.sleep(int(number) / 1000)\n"                                            \
    "    if what == 'refuse':\n"                                                                   \
    "        return number + ' not now'\n"                                                         \
    "    return await take(self, server, session, envelope)\n"                                     \
    "Mailbox.handle_DATA = handle_DATA\n"                                                          \
    "socket.getfqdn = socket.gethostname\n"                                                        \
    "runpy.run_module('aiosmtpd', run_name='__main__', alter_sys=True)\n"

void ese_program_tell_smtp_sink(struct ese_process *sink, const char *address, const char *maildir)
{
    const char *const words[] = {"-c", RUN_SINK, "-n", "-l", address,
                                 "-c", "aiosmtpd.handlers.Mailbox", maildir};
    for (size_t i = 0; i < ESE_COUNT_OF(words); i++)
        ese_process_argument(sink, words[i]);
}
