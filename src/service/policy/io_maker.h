/* One thread for what takes long: judging texts, compiling, writing. One job at a time; what comes
 * of it is told in the loop. Knows no job.
 */
#ifndef POLICY_IO_MAKER_H
#define POLICY_IO_MAKER_H

#include "os/thread.h"

#include <stdatomic.h>
#include <stdbool.h>

struct loop;

/* Storage is the caller's and may not move. */
struct maker {
	struct loop *loop; /* borrowed; its wake hook is the maker's */
	struct thread thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool stop, given; /* by mutex */
	atomic_bool done;
	void (*work)(void *arg), (*after)(void *arg);
	void *arg; /* borrowed while it is busy */
	void (*idle)(void *arg);
	void *idle_arg; /* borrowed */
	bool busy;	/* of the loop's thread */
	bool begun;
};

/* Before other threads. idle: told in the loop after each job's `after`: another one may be given.
 */
MUST enum err maker_begin(struct maker *m, struct loop *loop, void (*idle)(void *arg), void *arg);
static inline bool maker_is_busy(const struct maker *m)
{
	return m->busy;
}
/* work runs in the thread, then after in the loop; both have arg. It must not be busy. */
void maker_give(struct maker *m, void (*work)(void *arg), void (*after)(void *arg), void *arg);
/* Waits for what runs; its `after` is called. Accepts zeroed storage. */
void maker_end(struct maker *m);

#endif
