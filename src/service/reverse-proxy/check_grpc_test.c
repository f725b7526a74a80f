#include "service/reverse-proxy/check_grpc.h"

#include "service/reverse-proxy/check.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BYTES(...) span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static const struct reverse_check_conf conf = {.grpc = ""};

/* A whole answer but for its body. */
static struct reverse_check_answer whole(struct span body)
{
	return (struct reverse_check_answer){.status = 200,
					     .is_grpc = true,
					     .grpc_status = REVERSE_CHECK_GRPC_FINE,
					     .ended = true,
					     .body = body};
}

static void says(const struct reverse_check_answer *a, enum parse p, const char *words)
{
	const char *why = "";
	assert_int_equal(reverse_check_judge2(&conf, a, &why), p);
	if (!strstr(why, words))
		fail_msg("'%s' is not in '%s'", words, why);
}

static void refuses(struct span body, const char *words)
{
	struct reverse_check_answer a = whole(body);
	says(&a, PARSE_BAD, words);
}

static void takes(struct span body)
{
	struct reverse_check_answer a = whole(body);
	says(&a, PARSE_DONE, "");
}

static void refuses_messages_that_are_none(void **state)
{
	(void)state;
	static const char none[] = "no message";
	refuses((struct span){0}, none);
	refuses(BYTES(0, 0, 0, 0), none);
	refuses(BYTES(0, 0, 0, 0, 2, 8), none);				/* short */
	refuses(BYTES(0, 0, 0, 0, 2, 8, 1, 0), none);			/* long */
	refuses(BYTES(0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 1), none); /* two */
	refuses(BYTES(1, 0, 0, 0, 2, 8, 1), none);			/* compressed */
	refuses(BYTES(0, 255, 255, 255, 255, 8, 1), none);		/* a length of 4 GiB */
	refuses(BYTES(0, 0, 0, 0, 1, 8), none);				/* no value */
	refuses(BYTES(0, 0, 0, 0, 2, 8, 0x81), none);			/* torn varint */
	refuses(BYTES(0, 0, 0, 0, 12, 8, 129, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1),
		none);					       /* of eleven octets */
	refuses(BYTES(0, 0, 0, 0, 3, 0x0a, 1, 1), none);       /* field 1 as octets */
	refuses(BYTES(0, 0, 0, 0, 2, 0, 1), none);	       /* field 0 */
	refuses(BYTES(0, 0, 0, 0, 4, 8, 1, 0x13, 0x14), none); /* a group */
	refuses(BYTES(0, 0, 0, 0, 4, 8, 1, 0x12, 9), none);    /* octets past the end */
	refuses(BYTES(0, 0, 0, 0, 4, 8, 1, 0x15, 9), none);    /* fixed past the end */
	struct reverse_check_answer a = whole(BYTES(0, 0, 0, 0, 2, 8, 1));
	a.cut = true;
	says(&a, PARSE_BAD, none);
}

static void refuses_who_is_not_serving(void **state)
{
	(void)state;
	refuses(BYTES(0, 0, 0, 0, 0), "unknown"); /* 0 is not written */
	refuses(BYTES(0, 0, 0, 0, 2, 8, 0), "unknown");
	refuses(BYTES(0, 0, 0, 0, 2, 8, 2), "not serving");
	refuses(BYTES(0, 0, 0, 0, 2, 8, 3), "does not know the service");
	refuses(BYTES(0, 0, 0, 0, 2, 8, 4), "unknown");
	refuses(BYTES(0, 0, 0, 0, 3, 8, 0x81, 1), "unknown");	  /* 129 is not 1 */
	refuses(BYTES(0, 0, 0, 0, 4, 8, 1, 8, 2), "not serving"); /* the last counts */
	/* 2^32 + 1 */
	refuses(BYTES(0, 0, 0, 0, 6, 8, 0x81, 0x80, 0x80, 0x80, 0x10), "unknown");
}

static void refuses_answers_that_say_no_before_any_message(void **state)
{
	(void)state;
	struct span good = BYTES(0, 0, 0, 0, 2, 8, 1);
	struct reverse_check_answer a = whole(good);
	a.status = 503;
	says(&a, PARSE_BAD, "not 200");
	a = whole(good);
	a.is_grpc = false;
	says(&a, PARSE_BAD, "not an answer of gRPC");
	a = whole(good);
	a.grpc_status = 0;
	says(&a, PARSE_BAD, "without grpc-status");
	for (uint32_t code = 1; code <= REVERSE_CHECK_GRPC_NONE; code++) {
		a = whole(good);
		a.grpc_status = code;
		says(&a, PARSE_BAD, "grpc-status");
	}
	a.grpc_status = 12;
	says(&a, PARSE_BAD, "no health service");
	a.grpc_status = 5;
	says(&a, PARSE_BAD, "does not know the service");
}

static void waits_for_the_end_and_no_longer(void **state)
{
	(void)state;
	struct reverse_check_answer a = {0};
	says(&a, PARSE_MORE, "");
	a.broken = true;
	says(&a, PARSE_BAD, "torn");
	a = whole(BYTES(0, 0, 0, 0, 2, 8, 1));
	a.ended = false;
	says(&a, PARSE_MORE, "");
	a.broken = true;
	says(&a, PARSE_BAD, "torn");
	a.broken = false;
	a.grpc_status = 14;
	says(&a, PARSE_BAD, "unavailable");
}

static void takes_serving_with_fields_of_later_versions(void **state)
{
	(void)state;
	takes(BYTES(0, 0, 0, 0, 2, 8, 1));
	takes(BYTES(0, 0, 0, 0, 4, 8, 2, 8, 1));
	takes(BYTES(0, 0, 0, 0, 3, 8, 0x81, 0));
	takes(BYTES(0, 0, 0, 0, 4, 0x10, 9, 8, 1));
	takes(BYTES(0, 0, 0, 0, 6, 0x12, 2, 8, 2, 8, 1));
	takes(BYTES(0, 0, 0, 0, 7, 0x15, 8, 2, 8, 2, 8, 1));
	takes(BYTES(0, 0, 0, 0, 11, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1));
}

static void look(const uint8_t *data, size_t len)
{
	const char *why = NULL;
	struct reverse_check_answer a = whole(span_of(data, len));
	enum parse p = reverse_check_judge2(&conf, &a, &why);
	assert_int_not_equal(p, PARSE_MORE);
	assert_true(p == PARSE_DONE || why);
}

static void reads_nothing_past_the_end(void **state)
{
	(void)state;
	static const uint8_t message[] = {0, 0, 0, 0, 18, 0x12, 2, 'x', 'y',  0x11, 0, 0,
					  0, 0, 0, 0, 0,  0,	8, 1,	0x10, 0x81, 1};
	guard_every_prefix(message, sizeof(message), look);
	guard_every_bit_flip(message, sizeof(message), look);
	struct span s = span_of(message, sizeof(message));
	takes(s);
}

static void asked(const char *service, struct span expected)
{
	uint8_t room[REVERSE_CHECK_GRPC_QUESTION_MAX];
	struct writer w = writer_of(room, sizeof(room));
	reverse_check_grpc_ask(service, &w);
	assert_int_equal(writer_check(&w), OK);
	assert_true(w.pos >= expected.len);
	assert_memory_equal(room, expected.data, expected.len);
	size_t len = strlen(service);
	assert_int_equal(w.pos, 5 + (len ? len + (len < 128 ? 2 : 3) : 0));
}

static void asks_for_services_of_every_length(void **state)
{
	(void)state;
	char name[256];
	memset(name, 'n', sizeof(name));
	asked("", BYTES(0, 0, 0, 0, 0));
	asked("a.B", BYTES(0, 0, 0, 0, 5, 0x0a, 3, 'a', '.', 'B'));
	name[127] = 0;
	asked(name, BYTES(0, 0, 0, 0, 129, 0x0a, 127, 'n'));
	name[127] = 'n';
	name[128] = 0;
	asked(name, BYTES(0, 0, 0, 0, 131, 0x0a, 0x80, 1, 'n'));
	name[128] = 'n';
	name[255] = 0;
	asked(name, BYTES(0, 0, 0, 1, 2, 0x0a, 0xff, 1, 'n'));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_messages_that_are_none),
		cmocka_unit_test(refuses_who_is_not_serving),
		cmocka_unit_test(refuses_answers_that_say_no_before_any_message),
		cmocka_unit_test(waits_for_the_end_and_no_longer),
		cmocka_unit_test(takes_serving_with_fields_of_later_versions),
		cmocka_unit_test(reads_nothing_past_the_end),
		cmocka_unit_test(asks_for_services_of_every_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
