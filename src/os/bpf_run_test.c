#include "os/bpf.h"

#include "os/loop.h"

#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/bpf_test.h"

static const char no_rights[] = "this user or kernel does not load programs";

static enum err load(struct bpf_set **ret)
{
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	TRY(bpf_test_open(&set));
	TRY(bpf_set_load(set));
	*ret = TAKE(set);
	return OK;
}

/* ---- the ring ---- */

struct heard {
	struct loop loop;
	struct bpf_ring *ring;
	size_t n, turns;
	uint32_t last;
};

static void hear(void *arg, struct span record)
{
	struct heard *h = arg;
	h->n++;
	if (record.len == sizeof(h->last))
		memcpy(&h->last, record.data, sizeof(h->last));
}

static void readable(void *arg, uint32_t events)
{
	struct heard *h = arg;
	size_t n;
	(void)events;
	h->turns++;
	if (bpf_ring_consume(h->ring, 10, &n) || n == 0 || h->n == 25)
		loop_stop(&h->loop);
}

static int ring(void)
{
	static const uint8_t packet[60];
	struct bpf_set *set = NULL;
	struct bpf_table t;
	struct heard h = {0};
	struct loop_watch watch = {0};
	struct bpf_run run = {.in = span_of(packet, sizeof(packet)), .repeat = 25};
	size_t n = 9;
	int fd;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set) && !bpf_set_program(set, "count", &fd));
	CHILD_CHECK(!bpf_set_table(set, "flows", &t) && bpf_ring_new(&t, hear, &h, &h.ring));
	CHILD_CHECK(!bpf_set_table(set, "events", &t) && !bpf_ring_new(&t, hear, &h, &h.ring));
	CHILD_CHECK(!bpf_ring_consume(h.ring, 10, &n) && n == 0);
	CHILD_CHECK(!bpf_program_run(fd, &run));
	/* Level-triggered: what one turn left wakes the next. */
	CHILD_CHECK(!loop_init(&h.loop));
	CHILD_CHECK(!loop_add(&h.loop, &watch, bpf_ring_fd(h.ring), LOOP_READ, readable, &h));
	CHILD_CHECK(!loop_run(&h.loop) && h.n == 25 && h.turns == 3 && h.last == 60);
	loop_remove(&h.loop, &watch);
	loop_done(&h.loop);
	bpf_ring_free(h.ring);
	bpf_ring_free(NULL);
	bpf_set_free(set);
	return 0;
}

static void records_come_through_the_loop_in_bounded_portions(void **state)
{
	(void)state;
	assert_child(ring, no_rights);
}

/* ---- by hand ---- */

static int packets(void)
{
	uint8_t packet[64], out[64];
	struct bpf_set *set = NULL;
	int fd;
	memset(packet, 0xee, sizeof(packet));
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set) && !bpf_set_program(set, "change", &fd));
	struct bpf_run run = {.in = span_of(packet, 64), .out = out, .out_len = sizeof(out)};
	CHILD_CHECK(!bpf_program_run(fd, &run) && run.ret == XDP_TX && run.out_len == 64);
	CHILD_CHECK(out[0] == 0 && out[1] == 0xee && out[63] == 0xee && packet[0] == 0xee);
	run.out_len = 63;
	CHILD_CHECK(bpf_program_run(fd, &run) == (enum err)ENOSPC && run.out_len == 64);
	run = (struct bpf_run){.in = span_of(packet, 5)};
	CHILD_CHECK(bpf_program_run(fd, &run) == (enum err)EINVAL);
	run = (struct bpf_run){.in = span_of(packet, 64), .repeat = 1000};
	CHILD_CHECK(!bpf_program_run(fd, &run) && run.ret == XDP_TX && run.duration_ns < 1000000);
	bpf_set_free(set);
	return 0;
}

static void a_packet_is_changed_by_a_run(void **state)
{
	(void)state;
	assert_child(packets, no_rights);
}

static int contexts(void)
{
	static const uint8_t packet[64];
	struct __sk_buff in = {.mark = 41}, out = {0};
	struct {
		uint64_t left, right, sum;
	} order = {.left = 2, .right = 3};
	struct bpf_set *set = NULL;
	int fd;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set) && !bpf_set_program(set, "shot", &fd));
	struct bpf_run run = {.in = span_of(packet, sizeof(packet)),
			      .context_in = &in,
			      .context_in_len = sizeof(in),
			      .context_out = &out,
			      .context_out_len = sizeof(out)};
	CHILD_CHECK(!bpf_program_run(fd, &run) && run.ret == 2 && out.mark == 42); /* TC_ACT_SHOT */
	/* A program of the type `syscall` has nothing but its argument, in place. */
	run = (struct bpf_run){.context_in = &order, .context_in_len = sizeof(order)};
	CHILD_CHECK(!bpf_set_program(set, "add", &fd) && !bpf_program_run(fd, &run));
	CHILD_CHECK(run.ret == 7 && order.sum == 5);
	bpf_set_free(set);
	return 0;
}

static void contexts_go_in_and_come_out(void **state)
{
	(void)state;
	assert_child(contexts, no_rights);
}

static int ids(void)
{
	struct bpf_set *set = NULL;
	uint32_t first = 0, second = 0;
	int fd;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set));
	CHILD_CHECK(!bpf_set_program(set, "shot", &fd) && !bpf_program_id(fd, &first));
	CHILD_CHECK(!bpf_set_program(set, "pass", &fd) && !bpf_program_id(fd, &second));
	CHILD_CHECK(first && second && first != second);
	CHILD_CHECK(bpf_program_id(0, &first) != OK);
	bpf_set_free(set);
	return 0;
}

static void programs_have_numbers(void **state)
{
	(void)state;
	assert_child(ids, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_through_the_loop_in_bounded_portions),
		cmocka_unit_test(a_packet_is_changed_by_a_run),
		cmocka_unit_test(contexts_go_in_and_come_out),
		cmocka_unit_test(programs_have_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
