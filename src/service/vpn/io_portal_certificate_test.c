#include "service/vpn/io_portal_certificate.h"

#include "crypto/certificate.h"
#include "crypto/tls.h"
#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NOW UINT64_C(1800000000)
#define DAY UINT64_C(86400)

static const struct ip_address pages[] = {
	{4, {10, 9, 0, 1}},
	{6, {0xfd, [15] = 1}},
	{4, {192, 168, 7, 1}},
};

struct scene {
	char folder[64];
	struct portal_certificate wanted;
	struct portal_authority told;
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/gatehouse-page-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->wanted = (struct portal_certificate){
		.state = s->folder, .name = "vpn.home.arpa", .addresses = pages, .addresses_n = 2};
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	assert_int_equal(dir_remove(s->folder), OK);
	free(s);
	return 0;
}

static enum err ask(struct scene *s, uint64_t now_s)
{
	AUTO(tls_server_unref) struct tls_server *tls = NULL;
	return portal_certificate(&s->wanted, now_s, &tls, &s->told);
}

static char *path_of(const struct scene *s, const char *file)
{
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", s->folder, file);
	return path;
}

/* The caller frees. */
static char *text_of(const struct scene *s, const char *file)
{
	char *text = NULL;
	size_t len = 0;
	assert_int_equal(file_read(path_of(s, file), 1 << 20, &text, &len), OK);
	return text;
}

/* Asks, and says whether each file is another one then. */
static void ask_again(struct scene *s, uint64_t now_s, bool new_authority, bool new_own)
{
	char *authority = text_of(s, "sign-in-authority.pem"), *own = text_of(s, "sign-in.pem");
	assert_int_equal(ask(s, now_s), OK);
	char *authority2 = text_of(s, "sign-in-authority.pem"), *own2 = text_of(s, "sign-in.pem");
	assert_int_equal(strcmp(authority, authority2) != 0, new_authority);
	assert_int_equal(strcmp(own, own2) != 0, new_own);
	free(authority);
	free(authority2);
	free(own);
	free(own2);
}

static void makes_them_once_for_its_owner_alone(void **state)
{
	static const char *const files[] = {"sign-in-authority.pem", "sign-in.pem"};
	struct scene *s = *state;
	struct stat st;
	assert_int_equal(ask(s, NOW), OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(stat(path_of(s, files[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_int_equal(strncmp(s->told.pem, "-----BEGIN CERTIFICATE", 22), 0);
	assert_null(strstr(s->told.pem, "PRIVATE"));
	assert_true(s->told.der_len > 100 && s->told.der[0] == 0x30);
	ask_again(s, NOW + DAY, false, false);
}

static void renews_when_a_third_is_left(void **state)
{
	struct scene *s = *state;
	assert_int_equal(ask(s, NOW), OK);
	ask_again(s, NOW + 59 * DAY, false, false);
	ask_again(s, NOW + 61 * DAY, false, true);
	ask_again(s, NOW + 62 * DAY, false, false);
}

static void another_private_address_asks_nobody_to_install_anew(void **state)
{
	struct scene *s = *state;
	assert_int_equal(ask(s, NOW), OK);
	s->wanted.addresses = pages + 2; /* of another private range than 10/8: out of reach */
	s->wanted.addresses_n = 1;
	ask_again(s, NOW, true, true);
	static const struct ip_address beside = {4, {192, 168, 200, 9}};
	s->wanted.addresses = &beside;
	ask_again(s, NOW, false, true);
}

static void another_name_needs_another_authority(void **state)
{
	struct scene *s = *state;
	assert_int_equal(ask(s, NOW), OK);
	s->wanted.name = "login.example";
	ask_again(s, NOW, true, true);
	ask_again(s, NOW, false, false);
}

static void makes_anew_what_is_damaged_or_ends_too_soon(void **state)
{
	struct scene *s = *state;
	assert_int_equal(ask(s, NOW), OK);
	assert_int_equal(file_write_atomic(path_of(s, "sign-in.pem"), span_text("torn"), 0600), OK);
	ask_again(s, NOW, false, true);
	assert_int_equal(
		file_write_atomic(path_of(s, "sign-in-authority.pem"), span_text(""), 0600), OK);
	ask_again(s, NOW, true, true);
	ask_again(s, NOW + 3600 * DAY, true, true);
}

static void given_one_must_fit_its_key_and_no_authority_is_told(void **state)
{
	struct scene *s = *state;
	AUTO_DONE(certificate_done) struct certificate a = {0}, b = {0};
	const struct certificate_names names = {&s->wanted.name, 1, NULL, 0};
	const struct certificate_time time = {NOW - DAY, NOW + DAY};
	assert_int_equal(certificate_authority("a", &names, time, &a), OK);
	assert_int_equal(certificate_authority("b", &names, time, &b), OK);
	char *path = path_of(s, "given.pem");
	s->wanted.chain = path;
	s->wanted.key = span_text(b.key);
	assert_int_equal(ask(s, NOW), (enum err)ENOENT);
	assert_int_equal(file_write_atomic(path, span_text(a.chain), 0644), OK);
	assert_int_equal(ask(s, NOW), ERR_REFUSED);
	s->wanted.key = span_text(a.key);
	assert_int_equal(ask(s, NOW), OK);
	assert_int_equal(s->told.der_len, 0);
	assert_string_equal(s->told.pem, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(given_one_must_fit_its_key_and_no_authority_is_told),
		TEST(makes_them_once_for_its_owner_alone),
		TEST(renews_when_a_third_is_left),
		TEST(another_private_address_asks_nobody_to_install_anew),
		TEST(another_name_needs_another_authority),
		TEST(makes_anew_what_is_damaged_or_ends_too_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
