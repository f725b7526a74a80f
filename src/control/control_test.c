/* The control socket's server with a real socket and a real loop, and clients that behave well and
 * badly. */
#include "base/writer.h"
#include "control/control.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/tcp.h"
#include "os/unix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct loop loop;
	struct control *control;
	char path[64];
	struct control_reply *owed;
	struct control_stream *stream;
	unsigned closed, finished;
	int fd;		/* the listening one, borrowed from control */
	bool held_back; /* an event is told when somebody comes to see it */
};

static json_t *status(void *arg)
{
	(void)arg;
	return json_pack("{s:s}", "service", "bench");
}

static void metrics(void *arg, struct writer *text)
{
	(void)arg;
	write_text(text, "bench_total 1\n");
}

static void echo(void *arg, const struct control_request *req, struct control_reply *reply)
{
	(void)arg;
	const char *name = control_request_query(req, "name");
	control_reply_json(reply, 200, json_pack("{s:s?,s:O?}", "name", name, "body", req->body));
}

static void later(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct bench *b = arg;
	(void)req;
	b->owed = reply;
}

static void gone(void *arg)
{
	struct bench *b = arg;
	b->closed++;
	control_stream_end(b->stream);
	b->stream = NULL;
}

static void stream(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct bench *b = arg;
	(void)req;
	b->stream = control_reply_stream(reply, gone, b);
}

static const struct control_verb verbs[] = {
	{"POST", "/echo", "says it again", echo},
	{"GET", "/later", "answers later", later},
	{"GET", "/stream", "a line now and then", stream},
};

static void catch_up(void *arg)
{
	struct bench *b = arg;
	if (b->held_back)
		control_event_at(b->control, 86400000, "held-back", NULL);
	b->held_back = false;
}

static struct control_face face = {.service = "bench",
				   .verbs = verbs,
				   .verbs_n = 3,
				   .status = status,
				   .metrics = metrics,
				   .catch_up = catch_up};

static int bench_open(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	int fd;
	(void)snprintf(b->path, sizeof(b->path), "@gatehouse-control-test-%d", (int)getpid());
	assert_int_equal(loop_init(&b->loop), OK);
	assert_int_equal(unix_listen(b->path, 0600, &fd), OK);
	face.arg = b;
	b->fd = fd;
	assert_int_equal(control_new(&b->loop, fd, &face, &b->control), OK);
	*state = b;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *b = *state;
	control_free(b->control);
	loop_done(&b->loop);
	free(b);
	return 0;
}

static int client(struct bench *b)
{
	int fd;
	assert_int_equal(unix_connect(b->path, &fd), OK);
	return fd;
}

static void turns(struct bench *b)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_turn(&b->loop, 0), OK);
}

static void say(int fd, const char *text)
{
	size_t n;
	assert_int_equal(tcp_write(fd, span_text(text), &n), OK);
	assert_int_equal(n, strlen(text));
}

/* All that has come to the client; *ret_end: and that was the end. */
static char *hear(struct bench *b, int fd, bool *ret_end)
{
	static char text[1 << 20];
	size_t len = 0, n = 0;
	enum err e;
	do {
		turns(b);
		e = tcp_read(fd, text + len, sizeof(text) - 1 - len, &n);
		len += e ? 0 : n;
	} while (!e && n);
	text[len] = '\0';
	if (ret_end)
		*ret_end = e == ERR_CLOSED;
	return text;
}

#define HEAD " HTTP/1.1\r\nHost: x\r\n"

static void answers_what_every_service_answers(void **state)
{
	struct bench *b = *state;
	int fd = client(b);
	say(fd, "GET /status" HEAD "\r\n");
	assert_non_null(strstr(hear(b, fd, NULL), "{\"service\":\"bench\"}"));
	say(fd, "GET /metrics" HEAD "\r\n");
	assert_non_null(strstr(hear(b, fd, NULL), "bench_total 1\n"));
	say(fd, "GET /" HEAD "\r\n");
	assert_non_null(strstr(hear(b, fd, NULL), "\"path\":\"/echo\""));
	fd_done(&fd);
}

static void answers_requests_in_a_row_on_one_connection(void **state)
{
	struct bench *b = *state;
	bool end;
	int fd = client(b);
	say(fd,
	    "POST /echo?name=a%20b" HEAD "Content-Length: 7\r\n\r\n{\"x\":1}POST /echo?name=c" HEAD
	    "Transfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n1\r\n]\r\n0\r\n\r\nGET /status" HEAD
	    "Connection: close\r\n\r\n");
	const char *text = hear(b, fd, &end);
	assert_non_null(strstr(text, "{\"name\":\"a b\",\"body\":{\"x\":1}}"));
	assert_non_null(strstr(text, "{\"name\":\"c\",\"body\":[1,2]}"));
	assert_non_null(strstr(text, "{\"service\":\"bench\"}"));
	assert_true(end);
	fd_done(&fd);
}

static void refuses_with_the_status_that_says_why(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *request, *status;
	} cases[] = {
		{"GET /none" HEAD "\r\n", "HTTP/1.1 404 "},
		{"DELETE /echo" HEAD "\r\n", "HTTP/1.1 405 "},
		{"POST /status" HEAD "Content-Length: 0\r\n\r\n", "HTTP/1.1 405 "},
		{"POST /echo" HEAD "Content-Length: 1\r\n\r\n{", "HTTP/1.1 400 "},
		{"POST /echo?name=%zz" HEAD "Content-Length: 0\r\n\r\n", "HTTP/1.1 400 "},
		{"POST /echo" HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		 "HTTP/1.1 400 "},
		{"POST /echo" HEAD "Content-Length: 9999999\r\n\r\n", "HTTP/1.1 413 "},
		{"POST /echo" HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
		{"GET /events?last=999" HEAD "\r\n", "HTTP/1.1 400 "},
		{"GET /status HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
		{"nonsense\r\n\r\n", "HTTP/1.1 400 "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = client(b);
		say(fd, cases[i].request);
		const char *text = hear(b, fd, NULL);
		if (strncmp(text, cases[i].status, strlen(cases[i].status)) != 0)
			fail_msg("case %zu: %.60s", i, text);
		fd_done(&fd);
	}
}

static void a_verb_may_answer_later(void **state)
{
	struct bench *b = *state;
	int fd = client(b);
	say(fd, "GET /later" HEAD "\r\nGET /status" HEAD "\r\n");
	assert_string_equal(hear(b, fd, NULL), "");
	assert_non_null(b->owed);
	control_reply_json(b->owed, 200, json_pack("{s:b}", "late", 1));
	const char *text = hear(b, fd, NULL);
	assert_non_null(strstr(text, "{\"late\":true}"));
	assert_non_null(
		strstr(text, "{\"service\":\"bench\"}")); /* the one behind it was not lost */
	fd_done(&fd);
}

static void an_answer_to_a_client_that_has_gone_is_dropped(void **state)
{
	struct bench *b = *state;
	int fd = client(b);
	say(fd, "GET /later" HEAD "\r\n");
	turns(b);
	assert_non_null(b->owed);
	fd_done(&fd);
	turns(b);
	control_reply_error(b->owed, 500, "nobody hears this");
	turns(b);
}

static void a_client_that_only_listens_any_more_gets_its_answer(void **state)
{
	struct bench *b = *state;
	bool end;
	int fd = client(b);
	say(fd, "GET /status" HEAD "\r\n");
	assert_int_equal(tcp_finish(fd), OK);
	assert_non_null(strstr(hear(b, fd, &end), "{\"service\":\"bench\"}"));
	assert_true(end);
	fd_done(&fd);
}

static void streams_line_by_line_and_tells_of_a_reader_that_left(void **state)
{
	struct bench *b = *state;
	int fd = client(b);
	say(fd, "GET /stream" HEAD "\r\n");
	assert_non_null(strstr(hear(b, fd, NULL), "Transfer-Encoding: chunked"));
	assert_true(control_stream_write(b->stream, json_pack("{s:i}", "n", 1)));
	assert_string_equal(hear(b, fd, NULL), "8\r\n{\"n\":1}\n\r\n");
	fd_done(&fd);
	turns(b);
	assert_int_equal(b->closed, 1);
	assert_null(b->stream);
}

static void a_stream_ends_and_the_connection_goes_on(void **state)
{
	struct bench *b = *state;
	int fd = client(b);
	say(fd, "GET /stream" HEAD "\r\n");
	(void)hear(b, fd, NULL);
	control_stream_end(b->stream);
	assert_string_equal(hear(b, fd, NULL), "0\r\n\r\n");
	say(fd, "GET /status" HEAD "\r\n");
	assert_non_null(strstr(hear(b, fd, NULL), "{\"service\":\"bench\"}"));
	assert_int_equal(b->closed, 0);
	fd_done(&fd);
}

static void a_reader_that_is_too_slow_is_cut_off(void **state)
{
	struct bench *b = *state;
	static char big[60000];
	memset(big, 'a', sizeof(big) - 1);
	int fd = client(b);
	say(fd, "GET /stream" HEAD "\r\n");
	turns(b);
	unsigned n = 0;
	while (n < 1000 && control_stream_write(b->stream, json_pack("[s]", big)))
		n++;
	assert_in_range(n, 10, 100);
	turns(b);
	usleep(2000);
	turns(b);
	assert_int_equal(b->closed, 1);
	fd_done(&fd);
}

static void events_reach_all_readers_and_those_that_come_later(void **state)
{
	struct bench *b = *state;
	int early = client(b), late = client(b);
	say(early, "GET /events" HEAD "\r\n");
	turns(b);
	control_event(b->control, "zone-loaded", json_pack("{s:s}", "zone", "example.com"));
	control_event(b->control, "reload", NULL);
	const char *text = hear(b, early, NULL);
	assert_non_null(strstr(text, "\"event\":\"zone-loaded\",\"zone\":\"example.com\"}"));
	assert_non_null(strstr(text, "\"event\":\"reload\"}"));
	say(late, "GET /events?last=1" HEAD "\r\n");
	text = hear(b, late, NULL);
	assert_null(strstr(text, "zone-loaded"));
	assert_non_null(strstr(text, "\"event\":\"reload\"}"));
	fd_done(&early);
	fd_done(&late);
	turns(b);
	for (int i = 0; i < 300; i++)
		control_event(b->control, "many", NULL);
}

static void what_was_held_back_is_told_to_who_comes(void **state)
{
	struct bench *b = *state;
	int fd = client(b);
	b->held_back = true;
	assert_false(control_events_read(b->control));
	say(fd, "GET /events?last=5" HEAD "\r\n");
	const char *text = hear(b, fd, NULL);
	assert_non_null(strstr(text, "{\"time\":\"1970-01-02T00:00:00.000Z\",\"service\":\"bench\","
				     "\"event\":\"held-back\"}"));
	assert_true(control_events_read(b->control));
	fd_done(&fd);
	turns(b);
	assert_false(control_events_read(b->control));
}

static void more_clients_than_there_is_room_for_wait_their_turn(void **state)
{
	struct bench *b = *state;
	int fds[CONTROL_CLIENTS_MAX + 3];
	size_t n = sizeof(fds) / sizeof(fds[0]);
	for (size_t i = 0; i < n; i++) {
		fds[i] = client(b);
		say(fds[i], "GET /status" HEAD "\r\n");
	}
	turns(b);
	assert_string_equal(hear(b, fds[n - 1], NULL), "");
	for (size_t i = 0; i < 3; i++)
		fd_done(&fds[i]);
	assert_non_null(strstr(hear(b, fds[n - 1], NULL), "bench"));
	for (size_t i = 0; i < n; i++)
		fd_done(&fds[i]);
}

static void finished(void *arg)
{
	struct bench *b = arg;
	b->finished++;
}

static void who_was_accepted_and_asks_after_the_end_was_asked_for_is_answered(void **state)
{
	struct bench *b = *state;
	bool end;
	int silent = client(b), idle = client(b), halfway = client(b), waiting = client(b);
	say(idle, "GET /status" HEAD "\r\n");
	(void)hear(b, idle, NULL);
	say(halfway, "GET /status HTTP/1.1\r\nHo");
	say(waiting, "GET /later" HEAD "\r\n");
	turns(b);
	control_finish(b->control, finished, b);
	(void)hear(b, idle, &end);
	assert_true(end); /* it has what it asked for */
	assert_int_equal(b->finished, 0);
	say(silent, "GET /status" HEAD "\r\n");
	const char *text = hear(b, silent, &end);
	assert_non_null(strstr(text, "Connection: close\r\n"));
	assert_non_null(strstr(text, "{\"service\":\"bench\"}"));
	assert_true(end);
	say(halfway, "st: x\r\n\r\n");
	assert_non_null(strstr(hear(b, halfway, &end), "{\"service\":\"bench\"}"));
	assert_true(end);
	assert_int_equal(b->finished, 0);
	control_reply_json(b->owed, 200, json_pack("{s:b}", "late", 1));
	assert_non_null(strstr(hear(b, waiting, &end), "{\"late\":true}"));
	assert_true(end);
	turns(b);
	assert_int_equal(b->finished, 1);
	fd_done(&silent);
	fd_done(&idle);
	fd_done(&halfway);
	fd_done(&waiting);
}

static void what_had_arrived_unread_when_the_end_was_asked_for_is_answered(void **state)
{
	struct bench *b = *state;
	bool end;
	int fd = client(b);
	turns(b);
	say(fd, "GET /status" HEAD "\r\n");
	control_finish(b->control, finished, b);
	assert_non_null(strstr(hear(b, fd, &end), "{\"service\":\"bench\"}"));
	assert_true(end);
	assert_int_equal(b->finished, 1);
	fd_done(&fd);
}

static void who_connects_after_the_end_was_asked_for_is_the_successors(void **state)
{
	struct bench *b = *state;
	struct control *successor;
	int shared = dup(b->fd);
	control_finish(b->control, finished, b);
	int fd = client(b);
	say(fd, "GET /status" HEAD "\r\n");
	assert_string_equal(hear(b, fd, NULL), "");
	assert_int_equal(b->finished, 1);
	control_free(b->control);
	b->control = NULL;
	assert_int_equal(control_new(&b->loop, shared, &face, &successor), OK);
	assert_non_null(strstr(hear(b, fd, NULL), "{\"service\":\"bench\"}"));
	fd_done(&fd);
	turns(b);
	control_free(successor);
}

static void who_never_asks_and_who_reads_a_stream_hold_up_no_end(void **state)
{
	struct bench *b = *state;
	int silent = client(b), reader = client(b);
	say(reader, "GET /events" HEAD "\r\n");
	turns(b);
	control_finish(b->control, finished, b);
	for (int i = 0; i < 3000 && !b->finished; i++)
		assert_int_equal(loop_turn(&b->loop, 1), OK);
	assert_int_equal(b->finished, 1);
	fd_done(&silent);
	fd_done(&reader);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(answers_what_every_service_answers),
		WITH(answers_requests_in_a_row_on_one_connection),
		WITH(refuses_with_the_status_that_says_why),
		WITH(a_verb_may_answer_later),
		WITH(an_answer_to_a_client_that_has_gone_is_dropped),
		WITH(a_client_that_only_listens_any_more_gets_its_answer),
		WITH(streams_line_by_line_and_tells_of_a_reader_that_left),
		WITH(a_stream_ends_and_the_connection_goes_on),
		WITH(a_reader_that_is_too_slow_is_cut_off),
		WITH(events_reach_all_readers_and_those_that_come_later),
		WITH(what_was_held_back_is_told_to_who_comes),
		WITH(more_clients_than_there_is_room_for_wait_their_turn),
		WITH(who_was_accepted_and_asks_after_the_end_was_asked_for_is_answered),
		WITH(what_had_arrived_unread_when_the_end_was_asked_for_is_answered),
		WITH(who_connects_after_the_end_was_asked_for_is_the_successors),
		WITH(who_never_asks_and_who_reads_a_stream_hold_up_no_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
