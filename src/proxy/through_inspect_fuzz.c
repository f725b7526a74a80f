/* Tunnels whose clients are answered inside: whatever either side sends, takes, ends and resets, in
 * whatever order, nothing is read or freed that should not be, and everybody who was let in is told
 * to have gone. */
#define MEMORY_SIZE (1 << 18)
#include "proxy/through_inspect_test.h"

enum { STEPS_MAX = 200, PIECE_MAX = 64 };

enum step {
	SEND,
	SERVER,
	WINDOW,
	SERVER_WINDOW,
	END,
	SERVER_END,
	RESET,
	SERVER_RESET,
	WAIT,
	AGAIN
};

struct script {
	const uint8_t *at, *end;
};

static uint8_t next(struct script *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static struct span piece(struct script *s)
{
	size_t n = next(s) % PIECE_MAX, left = (size_t)(s->end - s->at);
	n = n < left ? n : left;
	const struct span bytes = span_of(s->at, n);
	s->at += n;
	return bytes;
}

static void limit(struct memory *m, size_t window)
{
	m->window = window;
	if (!window)
		m->t.ready &= (uint8_t) ~(unsigned)PROXY_CAN_WRITE;
}

static struct memory *server(struct inspect_play *p, struct script *s)
{
	return p->t.backs_n ? p->t.backs[next(s) % p->t.backs_n] : NULL;
}

/* Whoever is held while a server shakes hands is looked at when that is over, or late. */
static void again(struct inspect_play *p)
{
	memory_reset(&p->t, p->t.client);
	through_wait(&p->t, 1000);
	if (p->t.client->closed && p->t.backs_n + 4 < MEMORY_BACKS) {
		through_client(&p->t);
		memory_text(&p->t, p->t.client, INSPECT_CONNECT);
	}
}

static void play(struct inspect_play *p, struct script *s)
{
	uint8_t what = next(s);
	struct memory *m = what & 1 ? server(p, s) : p->t.client;
	if (!m)
		return;
	switch ((enum step)(what % (AGAIN + 1))) {
	case SEND:
	case SERVER: memory_send(&p->t, m, piece(s)); return;
	case WINDOW:
	case SERVER_WINDOW:
		limit(m, next(s));
		memory_open(&p->t, m, next(s));
		return;
	case END:
	case SERVER_END: memory_end(&p->t, m); return;
	case RESET:
	case SERVER_RESET: memory_reset(&p->t, m); return;
	case WAIT:
		if (p->t.backs_n)
			inspect_server_opens(p, p->t.backs[p->t.backs_n - 1]);
		through_wait(&p->t, next(s) * 10u);
		return;
	case AGAIN: again(p); return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct inspect_play p;
	struct script s = {data, data + size};
	inspect_play_begin(&p);
	uint8_t mode = next(&s);
	p.says = (enum proxy_greet)(mode % 3);
	p.server_slow = mode & 4;
	p.server_broken = mode & 8;
	if (mode & 16)
		p.t.client->read_max = 3;
	memory_text(&p.t, p.t.client, INSPECT_CONNECT);
	if (mode & 32)
		memory_text(&p.t, p.t.client, INSPECT_GET);
	for (unsigned i = 0; i < STEPS_MAX && s.at < s.end; i++)
		play(&p, &s);
	inspect_play_end(&p);
	return 0;
}
