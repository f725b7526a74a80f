/* Worker threads with a name and, if wanted, a processor. Knows nothing of what they do. */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct thread {
	pthread_t id;
	enum { THREAD_NONE, THREAD_RUNS } state;
	void (*run)(void *arg);
	void *arg; /* borrowed */
	char name[16];
	int cpu;
};

/* name: at most 15 bytes are kept. cpu: 0-based number among those this process may use (modulo
 * their count), -1: any; a processor that cannot be had is no error. All signals are blocked in it.
 * Storage must stay until thread_join. */
MUST enum err thread_start(struct thread *thread, const char *name, int cpu, void (*run)(void *),
			   void *arg);
/* Waits for its end. Accepts one that was never started. */
void thread_join(struct thread *thread);

/* Waits until there(arg, i) for each i below n, which other threads make true soon: what takes one
 * turn of a loop. False: not within two seconds. */
bool thread_await(bool (*there)(const void *arg, size_t i), const void *arg, size_t n);

/* The name of the calling thread, and so of the process in the main thread; at most 15 bytes. */
void thread_set_name(const char *name);

/* How many processors this process may use; at least 1. */
size_t thread_cpus(void);

#endif
