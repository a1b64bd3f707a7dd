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

/* ---- with a key ------------------------------------------------------------------------------ */

static void assert_keyed(const void *key, size_t length, const struct ese_digest_part *parts, size_t count,
                         const char *expected)
{
    uint8_t code[ESE_DIGEST_SIZE];
    char text[2 * ESE_DIGEST_SIZE + 1];
    ese_digest_keyed(key, length, parts, count, code);
    for (int i = 0; i < ESE_DIGEST_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", code[i]);
    assert_string_equal(text, expected);
}

/* RFC 4231, cases 1, 2 and 6 (a key that is longer than a block). */
static void known_codes(void **state)
{
    (void)state;
    char key[131];
    memset(key, 0x0b, 20);
    const struct ese_digest_part hi = {"Hi There", 8};
    assert_keyed(key, 20, &hi, 1, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    const struct ese_digest_part parts[] = {{"what do ya ", 11}, {NULL, 0}, {"want for nothing?", 17}};
    assert_keyed("Jefe", 4, parts, 3, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    const struct ese_digest_part hashed = {"Test Using Larger Than Block-Size Key - Hash Key First", 54};
    assert_keyed(key, sizeof key, &hashed, 1, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void each_byte_counts(void **state)
{
    (void)state;
    uint8_t one[ESE_DIGEST_SIZE] = {0}, other[ESE_DIGEST_SIZE] = {0};
    assert_true(ese_digest_same(one, other, sizeof one));
    for (size_t i = 0; i < sizeof one; i++) {
        other[i] = 0x80;
        assert_false(ese_digest_same(one, other, sizeof one));
        assert_true(ese_digest_same(one, other, i));
        other[i] = 0;
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(parts_are_one_text),
        cmocka_unit_test(what_comes_piece_by_piece_is_one_text),
        cmocka_unit_test(known_codes),
        cmocka_unit_test(each_byte_counts),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
