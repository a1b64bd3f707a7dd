#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/digest.h"

static void assert_digest(const struct ese_digest_part *parts, size_t count, const char *expected)
{
    uint8_t digest[ESE_DIGEST_SIZE];
    char text[2 * ESE_DIGEST_SIZE + 1];
    ese_digest(parts, count, digest);
    for (int i = 0; i < ESE_DIGEST_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, expected);
}

/* The examples NIST publishes for FIPS 180-4. */
static void known_answers(void **state)
{
    (void)state;
    assert_digest(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const struct ese_digest_part whole = {"abc", 3};
    assert_digest(&whole, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void parts_are_one_text(void **state)
{
    (void)state;
    const struct ese_digest_part parts[] = {{"a", 1}, {"", 0}, {"bc", 2}};
    assert_digest(parts, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void what_comes_piece_by_piece_is_one_text(void **state)
{
    (void)state;
    char text[2 * ESE_DIGEST_SIZE + 1];
    struct ese_digester *digester = ese_digester_new();
    ese_digester_add(digester, "a", 1);
    ese_digester_add(digester, "", 0);
    ese_digester_add(digester, "bc", 2);
    ese_digester_end(&digester, text);
    assert_null(digester);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(parts_are_one_text),
        cmocka_unit_test(what_comes_piece_by_piece_is_one_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
