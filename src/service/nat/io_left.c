#include "service/nat/io_left.h"

#include "os/bpf.h"
#include "os/fd.h"
#include "os/raw.h"

#include <stdlib.h>

static void send_by(void *arg, uint32_t ifindex, struct span packet)
{
	struct nat_left *l = arg;
	if (raw4_send(l->raw_fd, ifindex, packet))
		l->unsent++;
}

static void send_answer(void *arg, struct span packet)
{
	send_by(arg, 0, packet);
}

/* Who cannot be asked is taken to be there: rather no answer than a wrong one. */
static bool is_flow(void *arg, const struct nat_tuple4 *tuple)
{
	const struct nat_left *l = arg;
	struct nat_asked asked = {.tuple = *tuple};
	/* The kernel writes a program's argument back to where it came from. */
	struct bpf_run run = {.context_in = &asked, .context_in_len = sizeof(asked)};
	return bpf_program_run(l->ask_fd, &run) != OK || asked.found != 0;
}

static void wait_next(struct nat_left *l)
{
	uint64_t at_ms = unasked_next_ms(l->unasked);
	if (at_ms != UINT64_MAX)
		loop_timer_set(l->loop, &l->timer, at_ms);
}

static void turn(void *arg)
{
	struct nat_left *l = arg;
	unasked_turn(l->unasked, loop_now_ms(l->loop));
	held_expire(l->held, loop_now_ms(l->loop));
	wait_next(l);
}

void nat_left_event(struct nat_left *l, const struct nat_event *event, struct span packet)
{
	held_event(l->held, loop_now_ms(l->loop), event, packet);
	if (!l->answers || event->kind != NAT_EVENT_UNASKED)
		return;
	unasked_event(l->unasked, loop_now_ms(l->loop), event, packet);
	wait_next(l);
}

enum err nat_left_open(struct nat_left *l, struct loop *loop, const struct bpf_set *set)
{
	const struct unasked_calls calls = {.arg = l, .send = send_answer, .is_flow = is_flow};
	l->raw_fd = -1;
	l->loop = loop;
	l->held = calloc(1, sizeof(*l->held));
	l->unasked = calloc(1, sizeof(*l->unasked));
	if (!l->held || !l->unasked)
		return ENOMEM;
	held_init(l->held, send_by, l);
	unasked_init(l->unasked, &calls);
	loop_timer_init(&l->timer, turn, l);
	TRY(bpf_set_program(set, "nat_ask", &l->ask_fd));
	return raw4_open(NAT_MARK, &l->raw_fd);
}

void nat_left_done(struct nat_left *l)
{
	if (!l->loop)
		return;
	loop_timer_cancel(l->loop, &l->timer);
	fd_done(&l->raw_fd);
	free(l->held);
	free(l->unasked);
}
