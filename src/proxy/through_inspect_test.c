/* A tunnel's inside, answered here: whoever goes first, and however little either side takes. */
#include "proxy/through_inspect_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

static int set_up(void **state)
{
	struct inspect_play *p = malloc(sizeof(*p));
	assert_non_null(p);
	inspect_play_begin(p);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	inspect_play_end(*state);
	free(*state);
	return 0;
}

static struct memory *tunnel(struct inspect_play *p)
{
	through_client(&p->t);
	memory_text(&p->t, p->t.client, INSPECT_CONNECT);
	contains(memory_take(p->t.client), "200");
	return p->t.backs[p->t.backs_n - 1];
}

static void a_server_that_speaks_first_is_no_server_of_tls(void **state)
{
	struct inspect_play *p = *state;
	struct memory *back = tunnel(p);
	memory_text(&p->t, back, "220 ready\r\n");
	memory_text(&p->t, p->t.client, INSPECT_GET);
	assert_true(p->t.client->closed && p->t.client->aborted && back->closed);
	assert_int_equal(p->greets, 0);
	assert_int_equal(p->t.done_cause, PROXY_BACK_TLS);
	assert_int_equal(back->out_end, 0);
}

static void who_is_not_let_in_is_reset_and_the_server_gets_nothing(void **state)
{
	struct inspect_play *p = *state;
	p->says = PROXY_GREET_END;
	struct memory *back = tunnel(p);
	memory_text(&p->t, p->t.client, INSPECT_GET);
	assert_int_equal(p->greets, 1);
	assert_true(p->t.client->closed && p->t.client->aborted && back->closed);
	assert_int_equal(back->out_end, 0);
	assert_int_equal(p->insides, 0);
}

static void a_server_that_fails_is_not_kept(void **state)
{
	struct inspect_play *p = *state;
	p->server_broken = true;
	struct memory *back = tunnel(p);
	memory_text(&p->t, p->t.client, INSPECT_GET);
	assert_int_equal(p->greets, 1);
	assert_true(back->closed);
	assert_int_equal(p->t.hops[1].idle_n, 0);
	/* who is let in all the same goes by a connection of his own */
	assert_int_equal(p->t.backs_n, 2);
}

static void a_server_that_is_slow_is_waited_for_so_long(void **state)
{
	struct inspect_play *p = *state;
	p->server_slow = true;
	struct memory *back = tunnel(p);
	memory_text(&p->t, p->t.client, INSPECT_GET);
	assert_int_equal(p->greets, 0);
	through_wait(&p->t, 400);
	assert_false(p->t.client->closed);
	through_wait(&p->t, 200);
	assert_true(p->t.client->closed && back->closed);
	assert_int_equal(p->t.done_cause, PROXY_CONNECT_TIME);
}

static void a_client_that_goes_meanwhile_takes_all_with_him(void **state)
{
	struct inspect_play *p = *state;
	p->server_slow = true;
	for (int how = 0; how < 2; how++) {
		struct memory *back = tunnel(p);
		memory_text(&p->t, p->t.client, INSPECT_GET);
		memory_reset(&p->t, p->t.client);
		if (how) /* nobody looks at him before there is something to say */
			inspect_server_opens(p, back);
		through_wait(&p->t, 7000);
		assert_true(p->t.client->closed && back->closed);
	}
}

static void requests_inside_go_by_the_tunnels_own_connection(void **state)
{
	struct inspect_play *p = *state;
	struct memory *back = tunnel(p);
	for (int i = 0; i < 3; i++) {
		memory_text(&p->t, p->t.client, INSPECT_GET);
		contains(memory_take(back), "GET /a@ HTTP/1.1");
		memory_text(&p->t, back, OK5);
		contains(memory_take(p->t.client), "hello");
	}
	assert_int_equal(p->t.backs_n, 1);
	assert_int_equal(p->looked_n, 3);
	assert_int_equal(p->greets, 1);
	memory_end(&p->t, p->t.client);
	assert_true(p->t.client->closed && !p->t.client->aborted);
	assert_int_equal(p->insides_gone, 1);
	assert_false(back->closed); /* kept */
}

/* Each tunnel brings one along; who opens many would leave as many behind. */
static void one_connection_with_room_is_kept(void **state)
{
	struct inspect_play *p = *state;
	static struct proxy_tls_facts facts;
	facts.alpn = span_text("h2");
	p->server_tls = &facts;
	p->t.hops[1].protocol = PROXY_HTTP_ALPN;
	struct memory *first = tunnel(p);
	memory_text(&p->t, p->t.client, INSPECT_GET);
	assert_int_equal(p->looked_n, 1);
	for (int i = 0; i < 3; i++) {
		struct memory *next = tunnel(p);
		memory_text(&p->t, p->t.client, INSPECT_GET);
		assert_true(next->closed);
	}
	assert_int_equal(p->looked_n, 4);
	assert_false(first->closed);
	assert_int_equal(p->t.hops[1].open_n, 1);
}

static void what_is_passed_after_all_is_seen_whole_by_a_server(void **state)
{
	struct inspect_play *p = *state;
	p->says = PROXY_GREET_PASS;
	struct memory *back = tunnel(p);
	memory_text(&p->t, p->t.client, "before");
	memory_text(&p->t, p->t.client, " it@ and");
	memory_text(&p->t, p->t.client, " after");
	assert_true(back->closed);
	assert_int_equal(back->out_end, 0);
	assert_int_equal(p->t.backs_n, 2);
	assert_string_equal(memory_take(p->t.backs[1]), "before it@ and after");
	memory_text(&p->t, p->t.backs[1], "answer");
	assert_string_equal(memory_take(p->t.client), "answer");
	assert_non_null(p->t.x->relay);
	memory_end(&p->t, p->t.client);
	memory_end(&p->t, p->t.backs[1]);
	assert_int_equal(p->t.done_cause, PROXY_FINE);
}

static void what_cannot_be_passed_any_more_is_reset(void **state)
{
	struct inspect_play *p = *state;
	p->says = PROXY_GREET_PASS;
	(void)tunnel(p);
	p->t.connect_error = (enum err)ECONNREFUSED;
	memory_text(&p->t, p->t.client, INSPECT_GET);
	assert_true(p->t.client->closed && p->t.client->aborted);
}

static void an_end_of_ours_is_an_end_of_the_tunnel(void **state)
{
	struct inspect_play *p = *state;
	struct memory *back = tunnel(p);
	memory_text(&p->t, p->t.client, "GET /a@ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	memory_text(&p->t, back, OK5);
	contains(memory_take(p->t.client), "hello");
	assert_true(p->t.client->finished && !p->t.client->closed);
	memory_text(&p->t, p->t.client, "what nobody reads");
	memory_end(&p->t, p->t.client);
	assert_true(p->t.client->closed && !p->t.client->aborted);
	/* who does not end is not waited for */
	back = tunnel(p);
	memory_text(&p->t, p->t.client, "GET /a@ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	through_wait(&p->t, 6000);
	assert_true(p->t.client->closed);
}

enum { LONG = 300000 };

static void who_takes_little_gets_all_of_it(void **state)
{
	struct inspect_play *p = *state;
	static char answer[LONG + 100];
	static char got[LONG + 1000];
	struct memory *back = tunnel(p);
	int head = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
			    LONG);
	for (size_t i = 0; i < LONG; i++)
		answer[(size_t)head + i] = (char)('a' + i % 23);
	memory_text(&p->t, p->t.client, INSPECT_GET);
	p->t.client->window = 0;
	p->t.client->t.ready &= (uint8_t) ~(unsigned)PROXY_CAN_WRITE;
	memory_send(&p->t, back, span_of(answer, (size_t)head + LONG));
	/* It is not all in memory meanwhile. */
	assert_true(back->in_end - back->in_start > LONG / 2);
	for (size_t i = 0; i < 2000 && p->t.client->out_end < LONG; i++)
		memory_open(&p->t, p->t.client, 977);
	memcpy(got, p->t.client->out, p->t.client->out_end);
	got[p->t.client->out_end] = '\0';
	const char *body = strstr(got, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(memcmp(body + 4, answer + head, LONG), 0);
}

static void a_server_that_takes_little_gets_all_of_it(void **state)
{
	struct inspect_play *p = *state;
	static char body[LONG];
	struct memory *back = tunnel(p);
	for (size_t i = 0; i < LONG; i++)
		body[i] = (char)('a' + i % 19);
	back->window = 0;
	back->t.ready &= (uint8_t) ~(unsigned)PROXY_CAN_WRITE;
	char head[100];
	int n = snprintf(head, sizeof(head),
			 "PUT /@ HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", LONG);
	memory_send(&p->t, p->t.client, span_of(head, (size_t)n));
	memory_send(&p->t, p->t.client, span_of(body, LONG));
	assert_true(p->t.client->in_end - p->t.client->in_start > LONG / 2);
	for (size_t i = 0; i < 2000 && back->out_end < LONG; i++)
		memory_open(&p->t, back, 991);
	back->out[back->out_end] = 0;
	const char *got = strstr((const char *)back->out, "\r\n\r\n");
	assert_non_null(got);
	assert_int_equal(memcmp(got + 4, body, LONG), 0);
}

static void a_tunnel_that_stands_still_ends(void **state)
{
	struct inspect_play *p = *state;
	(void)tunnel(p);
	p->t.limits.tunnel_ms = 3000;
	memory_text(&p->t, p->t.client, INSPECT_GET);
	through_wait(&p->t, 2500);
	through_wait(&p->t, 4000);
	assert_true(p->t.client->closed);
	assert_int_equal(p->insides_gone, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_server_that_speaks_first_is_no_server_of_tls),
		TEST(who_is_not_let_in_is_reset_and_the_server_gets_nothing),
		TEST(a_server_that_fails_is_not_kept),
		TEST(a_server_that_is_slow_is_waited_for_so_long),
		TEST(a_client_that_goes_meanwhile_takes_all_with_him),
		TEST(requests_inside_go_by_the_tunnels_own_connection),
		TEST(one_connection_with_room_is_kept),
		TEST(what_is_passed_after_all_is_seen_whole_by_a_server),
		TEST(what_cannot_be_passed_any_more_is_reset),
		TEST(an_end_of_ours_is_an_end_of_the_tunnel),
		TEST(who_takes_little_gets_all_of_it),
		TEST(a_server_that_takes_little_gets_all_of_it),
		TEST(a_tunnel_that_stands_still_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
