#include "proxy/memory_test.h"

#include "proxy/chain2.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Room was taken for a frame that was not composed after all: once the bytes before it have left
 * there is nothing more to write, and the write ends. */
static void an_empty_buffer_behind_a_full_one_is_no_reason_to_go_on(void **state)
{
	(void)state;
	struct proxy_buffers pool;
	struct proxy_chain2 c = {0};
	struct memory *m = memory_new();
	static uint8_t bytes[PROXY_BUFFER_SIZE];
	proxy_buffers_init(&pool, 8);
	assert_true(proxy_chain2_add(&c, &pool, span_of(bytes, sizeof(bytes)), 4));
	assert_non_null(proxy_chain2_room(&c, &pool, 100, 4));
	assert_int_equal(proxy_chain2_write(&c, &pool, &m->t), OK);
	assert_int_equal(m->out_end, sizeof(bytes));
	assert_null(c.first);
	memory_free(m);
	proxy_buffers_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_behind_a_full_one_is_no_reason_to_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
