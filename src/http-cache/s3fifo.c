#include "http-cache/s3fifo.h"

#include <stdlib.h>

enum {
	WAYS = 4,
	SMALL_PART = 10, /* a tenth of all is the small queue's: the paper's choice */
	STAYS_AT = 1,	 /* uses in the small queue that are worth the main one */
};

enum err s3fifo_init(struct s3fifo *s, uint64_t capacity, size_t ghosts)
{
	size_t n = WAYS;
	while (n < ghosts)
		n *= 2;
	*s = (struct s3fifo){.capacity = capacity, .ghosts_n = n};
	s->ghosts = calloc(n, sizeof(*s->ghosts));
	return s->ghosts ? OK : ENOMEM;
}

void s3fifo_done(struct s3fifo *s)
{
	free(s->ghosts);
	s->ghosts = NULL;
}

/* ---- ghosts: the high half of a hash, and when it died ---- */

static uint64_t *set_of(const struct s3fifo *s, uint64_t hash)
{
	return s->ghosts + (hash & (s->ghosts_n - 1) & ~(uint64_t)(WAYS - 1));
}

static bool is_alive(const struct s3fifo *s, uint64_t ghost)
{
	return ghost && s->ghost_seq - (uint32_t)ghost <= s->main_n;
}

static void ghost_add(struct s3fifo *s, uint64_t hash)
{
	uint64_t *set = set_of(s, hash);
	size_t worst = 0;
	uint32_t seq = ++s->ghost_seq;
	for (size_t i = 0; i < WAYS; i++)
		if (!set[i] || seq - (uint32_t)set[i] > seq - (uint32_t)set[worst])
			worst = !set[worst] ? worst : i;
	set[worst] = (hash & ~(uint64_t)UINT32_MAX) | seq;
}

static bool ghost_take(const struct s3fifo *s, uint64_t hash)
{
	uint64_t *set = set_of(s, hash);
	for (size_t i = 0; i < WAYS; i++) {
		if ((set[i] ^ hash) >> 32 || !is_alive(s, set[i]))
			continue;
		set[i] = 0;
		return true;
	}
	return false;
}

/* ---- queues ---- */

static struct s3fifo_list *list_of(struct s3fifo *s, const struct s3fifo_node *n)
{
	return n->queue == S3FIFO_MAIN ? &s->main : &s->small;
}

static void push(struct s3fifo *s, struct s3fifo_node *n, enum s3fifo_queue queue)
{
	n->queue = (uint8_t)queue;
	struct s3fifo_list *l = list_of(s, n);
	n->newer = NULL;
	n->older = l->newest;
	if (l->newest)
		l->newest->newer = n;
	else
		l->oldest = n;
	l->newest = n;
	l->size += n->size;
	s->main_n += queue == S3FIFO_MAIN;
}

void s3fifo_remove(struct s3fifo *s, struct s3fifo_node *n)
{
	if (n->queue == S3FIFO_NONE)
		return;
	struct s3fifo_list *l = list_of(s, n);
	if (n->newer)
		n->newer->older = n->older;
	else
		l->newest = n->older;
	if (n->older)
		n->older->newer = n->newer;
	else
		l->oldest = n->newer;
	l->size -= n->size;
	s->main_n -= n->queue == S3FIFO_MAIN;
	n->queue = S3FIFO_NONE;
	n->newer = n->older = NULL;
}

void s3fifo_add(struct s3fifo *s, struct s3fifo_node *n)
{
	n->uses = 0;
	push(s, n, ghost_take(s, n->hash) ? S3FIFO_MAIN : S3FIFO_SMALL);
}

struct s3fifo_node *s3fifo_evict(struct s3fifo *s)
{
	for (;;) {
		/* One alone, though it is large, is new: it must not go before it was asked for. */
		bool alone = s->small.oldest == s->small.newest;
		bool small =
			s->small.oldest &&
			(!s->main.oldest || (!alone && s->small.size > s->capacity / SMALL_PART));
		struct s3fifo_node *n = small ? s->small.oldest : s->main.oldest;
		if (!n)
			return NULL;
		s3fifo_remove(s, n);
		if (small && n->uses >= STAYS_AT) {
			n->uses = 0;
			push(s, n, S3FIFO_MAIN);
		} else if (small) {
			ghost_add(s, n->hash);
			return n;
		} else if (n->uses) {
			n->uses--;
			push(s, n, S3FIFO_MAIN);
		} else {
			return n;
		}
	}
}
