/* Connections whose server knows who somebody is by them. */
#include "proxy/binding.h"
#include "proxy/through1_test.h"

#define ASKS                                                                                       \
	"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: "           \
	"NTLM\r\nContent-Length: 0\r\n\r\n"
#define SHOWS "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: NTLM TlRMTVNT\r\n\r\n"
#define BASIC "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Basic TlRMTVNT\r\n\r\n"

static bool is_said(const char *field, const char *value)
{
	struct proxy_head head = {0};
	assert_true(proxy_head_add(&head, span_text(field), span_text(value)) == OK);
	return binding_is_said(&head);
}

static void knows_the_words(void **state)
{
	(void)state;
	static const char *const no[] = {"",	       "Basic realm=\"NTLM\"", "NTLMv3 x",
					 "Negotiated", "Digest nonce=\"a\"",   "Bearer NTLM",
					 "NTL"};
	static const char *const yes[] = {"NTLM",
					  "ntlm TlRM",
					  "negotiate YII=",
					  "NTLM, Basic",
					  "Basic realm=\"x\", Negotiate",
					  "Basic,\tNTLM"};
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(is_said("www-authenticate", no[i]));
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_true(is_said("www-authenticate", yes[i]));
		assert_true(is_said("authorization", yes[i]));
		assert_false(is_said("x-authorization", yes[i]));
	}
}

/* Another client beside the one that is there, which is left to the test. */
static struct memory *another(struct through *t)
{
	struct memory *before = t->client;
	t->client = NULL;
	through_client(t);
	return before;
}

static void leave(struct through *t, struct memory *client)
{
	memory_reset(t, client);
	memory_free(client);
}

static void a_connection_that_knows_somebody_is_used_for_nobody_else(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], ASKS);
	contains(memory_take(t->client), "HTTP/1.1 401 ");
	assert_int_equal(t->hops[0].idle_n, 1);
	struct memory *first = another(t), *second = t->client;
	memory_text(t, second, GET);
	assert_int_equal(t->backs_n, 2);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(second), OK5);
	/* Who it is goes on by it, though another one was used last. */
	memory_text(t, first, SHOWS);
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(first), OK5);
	assert_int_equal(t->backs_n, 2);
	/* What is anybody's still is. */
	memory_text(t, second, BASIC);
	assert_int_equal(t->backs_n, 2);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(second), OK5);
	leave(t, first);
}

static void credentials_bind_too_whatever_is_answered(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, SHOWS);
	memory_text(t, t->backs[0], OK5);
	through_client(t);
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs_n, 2);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5);
}

static void one_that_is_somebodys_finds_room(void **state)
{
	struct through *t = *state;
	t->hops[0].limits.idle_max = 1;
	memory_text(t, t->client, GET);
	struct memory *first = another(t);
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs_n, 2);
	memory_text(t, t->backs[1], OK5);
	assert_int_equal(t->hops[0].idle_n, 1);
	memory_text(t, t->backs[0], ASKS);
	assert_true(t->backs[1]->closed);
	assert_int_equal(t->hops[0].idle_n, 1);
	memory_text(t, first, SHOWS);
	assert_int_equal(t->backs_n, 2);
	leave(t, first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(knows_the_words),
		TEST(a_connection_that_knows_somebody_is_used_for_nobody_else),
		TEST(credentials_bind_too_whatever_is_answered),
		TEST(one_that_is_somebodys_finds_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
