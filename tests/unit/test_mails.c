#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "ese-core/memory.h"
#include "orchestration/lab/mail_pile.h"
#include "tests/support/directory.h"
#include "tests/support/maildir.h"

#define ID "0190f5c5-9d6b-8abc-9def-0123456789ab"
#define OTHER_ID "0190f5c5-9d6b-8abc-9def-0123456789aa"

static struct ese_arrived_mail parsed(const char *text)
{
    struct ese_arrived_mail mail;
    char *copy = ese_copy_text(text);
    ese_mails_parse(copy, &mail);
    free(copy);
    return mail;
}

static void is_of(const struct ese_arrived_mail *mail, const char *decision)
{
    char text[ESE_ID_TEXT_SIZE];
    ese_id_text(&mail->decision, text);
    assert_string_equal(text, decision);
}

static void headers_are_read_whatever_their_case_and_line_ends(void **state)
{
    (void)state;
    struct ese_arrived_mail mail =
        parsed("From: a@example.org\r\nTO: b@example.org\r\nsubject: [10.0.0.1] | Suspicious\r\n"
               "x-ese-decision: " ID
               "\r\nX-ESE-Transport:here\r\ntraceparent: 00-ab-cd-01\r\n\r\nbody\r\n");
    is_of(&mail, ID);
    assert_string_equal(mail.to, "b@example.org");
    assert_string_equal(mail.subject, "[10.0.0.1] | Suspicious");
    assert_string_equal(mail.transport, "here");
    assert_string_equal(mail.traceparent, "00-ab-cd-01");
}

static void folded_lines_are_joined(void **state)
{
    (void)state;
    struct ese_arrived_mail mail =
        parsed("X-ESE-Decision:\n " ID "\nSubject: one\r\n\ttwo\n three\n\n");
    is_of(&mail, ID);
    assert_string_equal(mail.subject, "one\ttwo three");
}

static void blanks_around_a_value_are_not_its_own(void **state)
{
    (void)state;
    struct ese_arrived_mail mail = parsed("X-ESE-Decision: \t" ID " \t\r\nTo:b@example.org \n"
                                          "Subject: one  two\n\t \nX-ESE-Transport:  \n\n");
    is_of(&mail, ID);
    assert_string_equal(mail.to, "b@example.org");
    assert_string_equal(mail.subject, "one  two");
    assert_string_equal(mail.transport, "");
}

/* Nor where both are the same: no mailer of this house has written it. */
static void a_mail_of_two_decisions_is_of_none(void **state)
{
    (void)state;
    static const char *const others[] = {ID, "0189a1b2-0000-7000-8000-00000000ffff", "nonsense"};
    for (size_t i = 0; i < ESE_COUNT_OF(others); i++) {
        char text[200];
        snprintf(text, sizeof text, "X-ESE-Decision: %s\nx-ese-decision: " ID "\n\n", others[i]);
        struct ese_arrived_mail mail = parsed(text);
        assert_true(ese_id_is_none(&mail.decision));
    }
}

static void the_body_is_no_header(void **state)
{
    (void)state;
    struct ese_arrived_mail mail = parsed("To: b@example.org\n\nX-ESE-Decision: " ID "\n");
    assert_true(ese_id_is_none(&mail.decision));
    mail = parsed("");
    assert_true(ese_id_is_none(&mail.decision));
    mail = parsed("X-ESE-Decision: nonsense\nno colon here\n: no name\n");
    assert_true(ese_id_is_none(&mail.decision));
}

static void put(const char *directory, const char *name, const char *text)
{
    char *path = ese_test_path(directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void make_folder(const char *directory, const char *name)
{
    char *path = ese_test_path(directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
}

static void new_and_seen_mails_come_in_order_of_decision(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make();
    struct ese_mails mails;
    struct ese_error error;
    assert_int_equal(maildir_read(directory, &mails, &error), -1);
    assert_non_null(strstr(error.text, directory));
    ese_mails_free(&mails);
    make_folder(directory, "new");
    make_folder(directory, "cur");
    make_folder(directory, "tmp");
    put(directory, "new/1", "X-ESE-Decision: " ID "\n\n");
    put(directory, "cur/2:2,S", "X-ESE-Decision: " OTHER_ID "\n\n");
    put(directory, "new/.hidden", "X-ESE-Decision: " ID "\n\n");
    put(directory, "tmp/3", "X-ESE-Decision: " ID "\n\n"); /* not delivered yet */
    assert_int_equal(maildir_read(directory, &mails, &error), 0);
    assert_int_equal(mails.count, 2);
    is_of(&mails.mails[0], OTHER_ID);
    is_of(&mails.mails[1], ID);
    ese_mails_free(&mails);
    ese_test_directory_remove(&directory);
}

static void of_a_decision_the_first_that_came_is_found(void **state)
{
    (void)state;
    struct ese_mails mails = {.count = 0};
    struct ese_id decision, other;
    assert_int_equal(ese_id_parse(ID, &decision, NULL), 0);
    assert_int_equal(ese_id_parse(OTHER_ID, &other, NULL), 0);
    assert_null(ese_mails_find(&mails, &decision));
    for (int came = 5; came > 0; came--)
        ese_mails_add(&mails, &(struct ese_arrived_mail){.decision = decision, .came_ns = came});
    ese_mails_sort(&mails);
    assert_int_equal(ese_mails_find(&mails, &decision)->came_ns, 1);
    assert_null(ese_mails_find(&mails, &other));
    ese_mails_free(&mails);
}

static void the_oldest_mails_make_way(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), name[64], text[64];
    struct ese_mails mails;
    ese_mails_bound(directory, 3); /* no mail has come yet */
    make_folder(directory, "new");
    make_folder(directory, "cur");
    for (int i = 0; i < 10; i++) { /* as Python's mailbox names them */
        snprintf(name, sizeof name, "new/%d.M%dP7Q%d.host", 1767225600 + i, 900000 - i, i);
        snprintf(text, sizeof text, "Subject: %d\n\n", i);
        put(directory, name, text);
    }
    ese_mails_bound(directory, 10);
    assert_int_equal(maildir_read(directory, &mails, NULL), 0);
    assert_int_equal(mails.count, 10);
    ese_mails_free(&mails);
    ese_mails_bound(directory, 3);
    assert_int_equal(maildir_read(directory, &mails, NULL), 0);
    assert_int_equal(mails.count, 3);
    for (size_t i = 0; i < mails.count; i++)
        assert_true(strcmp(mails.mails[i].subject, "7") >= 0);
    ese_mails_free(&mails);
    ese_test_directory_remove(&directory);
}

/* ---- a pile of them -------------------------------------------------------------------------- */

enum { PILED = 150 };

/* Two mails of each decision. */
static char *a_maildir(void)
{
    char *directory = ese_test_directory_make(), name[32], text[80], id[ESE_ID_TEXT_SIZE];
    make_folder(directory, "new");
    make_folder(directory, "cur");
    for (int i = 0; i < PILED; i++) {
        snprintf(text, sizeof text, "%d", i / 2);
        struct ese_id decision = ese_id_derive(text, NULL, 0);
        ese_id_text(&decision, id);
        snprintf(name, sizeof name, "%s/%d", i % 2 == 0 ? "new" : "cur", i);
        snprintf(text, sizeof text, "X-ESE-Decision: %s\n\n", id);
        put(directory, name, text);
    }
    return directory;
}

static bool is_low(const void *context, const struct ese_id *id)
{
    return id->bytes[0] < *(const uint8_t *)context;
}

static void come_in_pairs(const struct ese_mails *mails)
{
    assert_int_equal(mails->count % 2, 0);
    for (size_t i = 0; i < mails->count; i += 2)
        assert_true(ese_id_equal(&mails->mails[i].decision, &mails->mails[i + 1].decision));
    for (size_t i = 0; i < mails->count; i++)
        assert_true(ese_mails_have(mails, &mails->mails[i].decision));
}

static void each_mail_of_a_pile_is_taken_once(void **state)
{
    (void)state;
    char *directory = a_maildir();
    uint8_t half = 128;
    const struct ese_id_filter low = {.wants = is_low, .context = &half};
    struct ese_mail_pile *pile = NULL;
    struct ese_mails mails = {.count = 0};
    assert_int_equal(ese_mail_pile_make(directory, &pile, NULL), 0);
    assert_int_equal(ese_mail_pile_left(pile), PILED);
    assert_int_equal(ese_mail_pile_take(pile, &low, &mails, NULL), 0);
    come_in_pairs(&mails);
    size_t taken = mails.count;
    assert_in_range(taken, PILED / 4, PILED * 3 / 4);
    assert_int_equal(ese_mail_pile_take(pile, &low, &mails, NULL), 0);
    assert_int_equal(mails.count, taken);
    for (int part = 0; part < 3; part++) {
        struct ese_mails left = {.count = 0};
        assert_int_equal(ese_mail_pile_take_left(pile, part, 3, &left, NULL), 0);
        come_in_pairs(&left);
        assert_in_range(left.count, 1, PILED / 2);
        taken += left.count;
        ese_mails_free(&left);
    }
    assert_int_equal(taken, PILED);
    assert_int_equal(ese_mail_pile_left(pile), 0);
    ese_mail_pile_free(&pile);
    ese_mails_free(&mails);
    ese_test_directory_remove(&directory);
}

static void without_a_maildir_there_is_an_empty_pile(void **state)
{
    (void)state;
    struct ese_mail_pile *pile = NULL;
    struct ese_error error;
    assert_int_equal(ese_mail_pile_make("/nonexistent/ese", &pile, &error), -1);
    assert_non_null(strstr(error.text, "/nonexistent/ese"));
    assert_int_equal(ese_mail_pile_left(pile), 0);
    ese_mail_pile_free(&pile);
    ese_mail_pile_free(&pile);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_whatever_their_case_and_line_ends),
        cmocka_unit_test(folded_lines_are_joined),
        cmocka_unit_test(blanks_around_a_value_are_not_its_own),
        cmocka_unit_test(a_mail_of_two_decisions_is_of_none),
        cmocka_unit_test(the_body_is_no_header),
        cmocka_unit_test(new_and_seen_mails_come_in_order_of_decision),
        cmocka_unit_test(of_a_decision_the_first_that_came_is_found),
        cmocka_unit_test(the_oldest_mails_make_way),
        cmocka_unit_test(each_mail_of_a_pile_is_taken_once),
        cmocka_unit_test(without_a_maildir_there_is_an_empty_pile),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
