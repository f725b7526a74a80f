#include "http-cache/s3fifo.h"

enum {
	SMALL_PART = 10, /* a tenth of all is the small queue's: the paper's choice */
	STAYS_AT = 1,	 /* uses in the small queue that are worth the main one */
};

enum err s3fifo_init(struct s3fifo *s, uint64_t capacity, size_t ghosts)
{
	*s = (struct s3fifo){.capacity = capacity};
	return ghosts_init(&s->ghosts, ghosts);
}

void s3fifo_done(struct s3fifo *s)
{
	ghosts_done(&s->ghosts);
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
	push(s, n, ghosts_take(&s->ghosts, n->hash, s->main_n) ? S3FIFO_MAIN : S3FIFO_SMALL);
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
			ghosts_add(&s->ghosts, n->hash);
			return n;
		} else if (n->uses) {
			n->uses--;
			push(s, n, S3FIFO_MAIN);
		} else {
			return n;
		}
	}
}
