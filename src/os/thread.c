#include "os/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

void thread_set_name(const char *name)
{
	char cut[16];
	(void)snprintf(cut, sizeof(cut), "%s", name);
	(void)prctl(PR_SET_NAME, cut);
}

size_t thread_cpus(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n > 0 ? (size_t)n : 1;
}

/* The nth processor that this process may use. */
static void pin(int nth)
{
	cpu_set_t set, one;
	if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) == 0)
		return;
	nth %= CPU_COUNT(&set);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set) && nth-- == 0) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			(void)sched_setaffinity(0, sizeof(one), &one); /* 0: this thread */
			return;
		}
	}
}

static void *begin(void *arg)
{
	struct thread *thread = arg;
	thread_set_name(thread->name);
	if (thread->cpu >= 0)
		pin(thread->cpu);
	thread->run(thread->arg);
	return NULL;
}

enum err thread_start(struct thread *thread, const char *name, int cpu, void (*run)(void *),
		      void *arg)
{
	sigset_t all, before;
	*thread = (struct thread){.run = run, .arg = arg, .cpu = cpu};
	(void)snprintf(thread->name, sizeof(thread->name), "%s", name);
	sigfillset(&all);
	/* Blocked around the start, so that the thread is born with it. */
	int result = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (result)
		return (enum err)result;
	result = pthread_create(&thread->id, NULL, begin, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result)
		return (enum err)result;
	thread->state = THREAD_RUNS;
	return OK;
}

void thread_join(struct thread *thread)
{
	if (!thread || thread->state != THREAD_RUNS)
		return;
	(void)pthread_join(thread->id, NULL);
	thread->state = THREAD_NONE;
}

enum { AWAIT_STEP_US = 50, AWAIT_STEP_MAX_US = 5000, AWAIT_US = 2000000 };

bool thread_await(bool (*there)(const void *arg, size_t i), const void *arg, size_t n)
{
	long step_us = AWAIT_STEP_US, spent_us = 0;
	for (size_t i = 0; i < n; i++) {
		while (!there(arg, i)) {
			if (spent_us >= AWAIT_US)
				return false;
			const struct timespec step = {.tv_nsec = step_us * 1000};
			(void)nanosleep(&step, NULL);
			spent_us += step_us;
			step_us = step_us * 2 < AWAIT_STEP_MAX_US ? step_us * 2 : AWAIT_STEP_MAX_US;
		}
	}
	return true;
}
