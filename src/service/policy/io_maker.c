#include "service/policy/io_maker.h"

#include "os/loop.h"

static void run(void *arg)
{
	struct maker *m = arg;
	(void)pthread_mutex_lock(&m->mutex);
	for (;;) {
		while (!m->given && !m->stop)
			(void)pthread_cond_wait(&m->cond, &m->mutex);
		if (!m->given)
			break;
		m->given = false;
		(void)pthread_mutex_unlock(&m->mutex);
		m->work(m->arg);
		atomic_store(&m->done, true);
		loop_wake(m->loop);
		(void)pthread_mutex_lock(&m->mutex);
	}
	(void)pthread_mutex_unlock(&m->mutex);
}

static void finish(struct maker *m)
{
	if (!m->busy || !atomic_exchange(&m->done, false))
		return;
	m->busy = false;
	m->after(m->arg);
}

static void woken(void *arg)
{
	struct maker *m = arg;
	bool was_busy = m->busy;
	finish(m);
	if (was_busy && !m->busy)
		m->idle(m->idle_arg);
}

enum err maker_begin(struct maker *m, struct loop *loop, void (*idle)(void *arg), void *arg)
{
	*m = (struct maker){.loop = loop, .idle = idle, .idle_arg = arg};
	if (pthread_mutex_init(&m->mutex, NULL) != 0)
		return ENOMEM;
	if (pthread_cond_init(&m->cond, NULL) != 0) {
		(void)pthread_mutex_destroy(&m->mutex);
		return ENOMEM;
	}
	loop_on_wake(loop, woken, m);
	enum err e = thread_start(&m->thread, "maker", -1, run, m);
	m->begun = !e;
	if (e) {
		(void)pthread_cond_destroy(&m->cond);
		(void)pthread_mutex_destroy(&m->mutex);
	}
	return e;
}

void maker_give(struct maker *m, void (*work)(void *arg), void (*after)(void *arg), void *arg)
{
	ASSERT(!m->busy);
	m->busy = true;
	(void)pthread_mutex_lock(&m->mutex);
	m->work = work;
	m->after = after;
	m->arg = arg;
	m->given = true;
	(void)pthread_cond_signal(&m->cond);
	(void)pthread_mutex_unlock(&m->mutex);
}

void maker_end(struct maker *m)
{
	if (!m->begun)
		return;
	(void)pthread_mutex_lock(&m->mutex);
	m->stop = true;
	(void)pthread_cond_signal(&m->cond);
	(void)pthread_mutex_unlock(&m->mutex);
	thread_join(&m->thread);
	finish(m);
	(void)pthread_cond_destroy(&m->cond);
	(void)pthread_mutex_destroy(&m->mutex);
	m->begun = false;
}
