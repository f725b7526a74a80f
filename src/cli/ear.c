#include "cli/ear.h"

#include "os/fd.h"

#include <signal.h>

static void arrived(void *arg, uint32_t events)
{
	struct ear *ear = arg;
	struct packet_received r = {0};
	(void)events;
	for (;;) {
		ear->failed = packet_receive(ear->fd, ear->packet, EAR_PACKET_SIZE, &r) != OK;
		if (ear->failed)
			loop_stop(&ear->loop);
		if (ear->failed || !r.len)
			return;
		if (r.len <= EAR_PACKET_SIZE && ear->show(ear->arg, &r) && ear->left &&
		    --ear->left == 0) {
			loop_stop(&ear->loop);
			return;
		}
	}
}

static void time_is_up(void *arg)
{
	struct ear *ear = arg;
	loop_stop(&ear->loop);
}

static void interrupted(void *arg, int signal)
{
	(void)signal;
	time_is_up(arg);
}

bool ear_number(const struct command_line *line, const char *option, uint64_t max, uint64_t *ret)
{
	const char *text = command_line_value(line, option);
	return !text || span_to_u64(span_text(text), max, ret);
}

bool ear_init(struct ear *ear, const struct command_line *line,
	      bool (*show)(void *arg, const struct packet_received *r), void *arg)
{
	ear->line = line;
	ear->fd = -1;
	ear->show = show;
	ear->arg = arg;
	if (!ear_number(line, "count", UINT32_MAX, &ear->count) ||
	    !ear_number(line, "seconds", UINT32_MAX, &ear->seconds))
		return false;
	ear->left = ear->count;
	return true;
}

static enum err listen_on(struct ear *ear)
{
	TRY(loop_signal(&ear->loop, SIGINT, interrupted, ear));
	TRY(loop_signal(&ear->loop, SIGTERM, interrupted, ear));
	loop_timer_init(&ear->end, time_is_up, ear);
	if (ear->seconds)
		loop_timer_set_after(&ear->loop, &ear->end, ear->seconds * 1000);
	TRY(loop_add(&ear->loop, &ear->watch, ear->fd, LOOP_READ, arrived, ear));
	return loop_run(&ear->loop);
}

enum err ear_run(struct ear *ear)
{
	TRY(loop_init(&ear->loop));
	enum err e = listen_on(ear);
	loop_remove(&ear->loop, &ear->watch);
	loop_done(&ear->loop);
	return e;
}

bool ear_done(struct ear *ear)
{
	fd_done(&ear->fd);
	return ear->failed || ear->left != 0;
}
