/* Forwarders on their way to a resolver that is there, comes late, refuses, or never answers. */
#include "control/control.h"
#include "os/fd.h"
#include "os/unix.h"
#include "service/dhcp-client/io_forwarders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct loop loop;
	struct client_forwarders f;
	struct control *resolver;
	struct control_face face;
	char folder[64], said[256];
	unsigned heard;
	bool refuses;
};

static void forwarders(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct bench *b = arg;
	char *text = json_dumps(req->body, JSON_COMPACT);
	(void)snprintf(b->said, sizeof(b->said), "%s", text ? text : "");
	free(text);
	b->heard++;
	if (b->refuses)
		control_reply_error(reply, 400, "no");
	else
		control_reply_json(reply, 200, json_object());
}

static const struct control_verb verbs[] = {{"POST", "/forwarders", "", forwarders}};

static int bench_open(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	(void)snprintf(b->folder, sizeof(b->folder), "/tmp/gatehouse-forwarders-XXXXXX");
	if (!mkdtemp(b->folder))
		return -1;
	assert_int_equal(loop_init(&b->loop), OK);
	b->face = (struct control_face){
		.service = "resolver", .verbs = verbs, .verbs_n = 1, .arg = b};
	client_forwarders_begin(&b->f, &b->loop, b->folder);
	*state = b;
	return 0;
}

static int listen_there(struct bench *b)
{
	int fd = -1;
	assert_int_equal(unix_listen(b->f.path, 0600, &fd), OK);
	return fd;
}

static void resolver_start(struct bench *b)
{
	assert_int_equal(control_new(&b->loop, listen_there(b), &b->face, &b->resolver), OK);
}

static void resolver_stop(struct bench *b)
{
	control_free(b->resolver);
	b->resolver = NULL;
	(void)unlink(b->f.path);
}

static int bench_close(void **state)
{
	struct bench *b = *state;
	client_forwarders_done(&b->f);
	resolver_stop(b);
	loop_done(&b->loop);
	int status = rmdir(b->folder);
	free(b);
	return status;
}

static void until_heard(struct bench *b, unsigned n, uint64_t told)
{
	for (int i = 0; i < 1000 && (b->heard < n || b->f.told < told); i++)
		assert_int_equal(loop_turn(&b->loop, 10), OK);
	assert_int_equal(b->heard, n);
	assert_int_equal(b->f.told, told);
}

static void tells_what_is_set_and_what_takes_its_place(void **state)
{
	struct bench *b = *state;
	struct ip_address servers[2] = {ip_address_v4(192, 0, 2, 1), ip_address_v4(192, 0, 2, 2)};
	resolver_start(b);
	client_forwarders_set(&b->f, servers, 2);
	until_heard(b, 1, 1);
	assert_string_equal(b->said, "{\"servers\":[\"192.0.2.1\",\"192.0.2.2\"],\"hold_s\":60}");
	assert_true(b->f.timer.set); /* it is told again */
	client_forwarders_set(&b->f, servers, 2);
	assert_int_equal(loop_turn(&b->loop, 10), OK);
	assert_int_equal(b->heard, 1); /* nothing new */
	client_forwarders_set(&b->f, NULL, 0);
	until_heard(b, 2, 2);
	assert_string_equal(b->said, "{\"servers\":[],\"hold_s\":60}");
	assert_false(b->f.timer.set);
}

static void tells_a_resolver_that_comes_late(void **state)
{
	struct bench *b = *state;
	struct ip_address server = ip_address_v4(192, 0, 2, 1);
	client_forwarders_set(&b->f, &server, 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_turn(&b->loop, 1), OK);
	assert_true(b->f.told_failure);
	resolver_start(b);
	until_heard(b, 1, 1);
	assert_false(b->f.told_failure);
}

static void tells_one_that_was_started_anew(void **state)
{
	struct bench *b = *state;
	struct ip_address server = ip_address_v4(192, 0, 2, 1);
	resolver_start(b);
	client_forwarders_set(&b->f, &server, 1);
	until_heard(b, 1, 1);
	resolver_stop(b);
	resolver_start(b);
	assert_in_range(b->f.timer.at_ms - loop_now_ms(&b->loop), 1, CLIENT_FORWARDERS_AGAIN_MS);
	loop_timer_set_after(&b->loop, &b->f.timer, 0); /* the time has passed */
	until_heard(b, 2, 2);
}

static void a_refusal_and_silence_are_tried_again_less_and_less_often(void **state)
{
	struct bench *b = *state;
	struct ip_address server = ip_address_v4(192, 0, 2, 1);
	b->refuses = true;
	resolver_start(b);
	client_forwarders_set(&b->f, &server, 1);
	for (unsigned i = 0; i < 12; i++) {
		until_heard(b, i + 1, 0);
		for (int k = 0; k < 100 && b->f.fd >= 0; k++)
			assert_int_equal(loop_turn(&b->loop, 1), OK);
		loop_timer_set_after(&b->loop, &b->f.timer, 0);
	}
	assert_int_equal(b->f.retry_ms, CLIENT_FORWARDERS_AGAIN_MS);
	resolver_stop(b);
	int silent = listen_there(b);
	assert_int_equal(loop_turn(&b->loop, 1), OK);
	for (int k = 0; k < 100 && b->f.fd < 0; k++) {
		loop_timer_set_after(&b->loop, &b->f.timer, 0);
		assert_int_equal(loop_turn(&b->loop, 1), OK);
	}
	assert_in_range(b->f.timer.at_ms - loop_now_ms(&b->loop), 1, CLIENT_FORWARDERS_WAIT_MS);
	loop_timer_set_after(&b->loop, &b->f.timer, 0); /* its patience is over */
	for (int k = 0; k < 100 && b->f.fd >= 0; k++)
		assert_int_equal(loop_turn(&b->loop, 1), OK);
	assert_int_equal(b->f.fd, -1);
	assert_true(b->f.timer.set);
	fd_done(&silent);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(tells_what_is_set_and_what_takes_its_place),
		WITH(tells_a_resolver_that_comes_late),
		WITH(tells_one_that_was_started_anew),
		WITH(a_refusal_and_silence_are_tried_again_less_and_less_often),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
